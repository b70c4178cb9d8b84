import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeIndexRequest, decodeLoadRequest, decodeUnloadRequest, encodeRepositoryIndex } from './repository.ts';

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

describe('repository index', () => {
  test('decodeIndexRequest takes an empty body for all models', () => {
    assert.deepEqual(decodeIndexRequest(bytes('')), { readyOnly: false });
    assert.deepEqual(decodeIndexRequest(bytes('{}')), { readyOnly: false });
    assert.deepEqual(decodeIndexRequest(bytes('{"ready":true}')), { readyOnly: true });
    assert.throws(() => decodeIndexRequest(bytes('{"ready":1}')), { reason: 'INVALID_ARGUMENT' });
    assert.throws(() => decodeIndexRequest(bytes('[]')), { reason: 'MALFORMED_REQUEST' });
    assert.throws(() => decodeIndexRequest(bytes('{')), { reason: 'MALFORMED_REQUEST' });
  });

  test('encodeRepositoryIndex writes an array at the top', () => {
    const body = encodeRepositoryIndex([
      { model: 'a', version: 3, state: 'READY' },
      { model: 'b"c', version: null, state: 'UNAVAILABLE', reason: 'failed quarantine' },
    ]);
    assert.equal(
      new TextDecoder().decode(body),
      '[{"name":"a","version":"3","state":"READY","reason":""},' +
        '{"name":"b\\"c","state":"UNAVAILABLE","reason":"failed quarantine"}]',
    );
  });
});

describe('decodeLoadRequest', () => {
  test('reads a configuration and files in base64', () => {
    const request = decodeLoadRequest(
      bytes('{"parameters":{"config":"{\\"max_batch_size\\":0}","file:1/model.onnx":"CAcSBA==","file:labels.txt":""}}'),
    );
    assert.equal(request.config, '{"max_batch_size":0}');
    assert.deepEqual(
      [...request.files],
      [
        ['1/model.onnx', Uint8Array.of(8, 7, 18, 4)],
        ['labels.txt', new Uint8Array(0)],
      ],
    );
    for (const empty of ['', '{}', '{"parameters":{}}']) {
      assert.deepEqual(decodeLoadRequest(bytes(empty)), { config: null, files: new Map() });
    }
  });

  test('refuses files without configuration, broken base64, unknown parameters and other types', () => {
    for (const [parameters, message] of [
      ['{"file:1/model.onnx":"CAcSBA=="}', /'config' must be given/],
      ['{"config":"{}","file:1/model.onnx":"CA%="}', /'file:1\/model.onnx' is not base64/],
      ['{"confg":"{}"}', /unknown parameter 'confg'/],
      ['{"config":{}}', /'config' must be a string/],
    ] as const) {
      assert.throws(() => decodeLoadRequest(bytes(`{"parameters":${parameters}}`)), {
        reason: 'INVALID_ARGUMENT',
        message,
      });
    }
  });

  test('refuses paths that leave the folder of the model', () => {
    for (const path of ['', '/etc/passwd', '../x', '1/../../x', '1//x', './x', '1\\\\x', 'a\\u0000b', '1/']) {
      assert.throws(() => decodeLoadRequest(bytes(`{"parameters":{"config":"{}","file:${path}":"AA=="}}`)), {
        reason: 'INVALID_ARGUMENT',
        message: /must name a path below the model's folder/,
      });
    }
  });
});

describe('decodeUnloadRequest', () => {
  test('reads unload_dependents', () => {
    assert.deepEqual(decodeUnloadRequest(bytes('')), { unloadDependents: false });
    assert.deepEqual(decodeUnloadRequest(bytes('{"parameters":{"unload_dependents":true}}')), {
      unloadDependents: true,
    });
    assert.throws(() => decodeUnloadRequest(bytes('{"parameters":{"unload_dependents":"yes"}}')), {
      reason: 'INVALID_ARGUMENT',
      message: /^Unable to parse 'unload_dependents'/,
    });
  });
});
