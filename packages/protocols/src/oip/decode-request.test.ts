import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AmaasError, type Tensor } from '@amaas/core';
import { type DecodedInferRequest, decodeInferRequest, parseHeaderLength } from './decode-request.ts';

/** A body from its JSON text and the bytes behind it, written by hand. */
function bodyOf(header: string, ...binary: readonly number[]): Uint8Array {
  const json = new TextEncoder().encode(header);
  const body = new Uint8Array(json.byteLength + binary.length);
  body.set(json);
  body.set(binary, json.byteLength);
  return body;
}

function decodeJson(text: string): DecodedInferRequest {
  return decodeInferRequest(bodyOf(text), null, 'm');
}

/** Decodes one input whose entry goes on with `rest` behind its name. */
function decodeInput(rest: string): Tensor {
  const tensor = decodeJson(`{"inputs":[{"name":"X",${rest}}]}`).inputs.get('X');
  assert.ok(tensor !== undefined);
  return tensor;
}

function values(tensor: Tensor): readonly unknown[] {
  return tensor.dtype === 'string' ? tensor.data.map((element) => [...element]) : [...tensor.data];
}

function refusal(run: () => unknown): { reason: string; message: string } {
  try {
    run();
  } catch (thrown) {
    assert.ok(thrown instanceof AmaasError, String(thrown));
    return { reason: thrown.reason, message: thrown.message };
  }
  return assert.fail('nothing was refused');
}

describe('decodeInferRequest on JSON', () => {
  test('reads the example of the protocol', () => {
    const request = decodeJson(`{
      "id" : "42",
      "inputs" : [
        { "name" : "input0", "shape" : [ 2, 2 ], "datatype" : "UINT32", "data" : [ 1, 2, 3, 4 ] },
        { "name" : "input1", "shape" : [ 3 ], "datatype" : "BOOL", "data" : [ true, false, true ] }
      ],
      "outputs" : [ { "name" : "output0" } ]
    }`);
    assert.equal(request.id, '42');
    assert.deepEqual([...request.inputs.keys()], ['input0', 'input1']);
    assert.deepEqual(request.inputs.get('input0'), {
      dtype: 'uint32',
      shape: [2, 2],
      data: Uint32Array.of(1, 2, 3, 4),
    });
    assert.deepEqual(request.inputs.get('input1'), { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) });
    assert.deepEqual(request.requestedOutputs, [{ name: 'output0', binary: false, classification: 0 }]);
    assert.equal(request.binaryOutputDefault, false);
    assert.equal(request.parameters.size, 0);
  });

  test('reads every datatype at the ends of its range', () => {
    const cases: readonly (readonly [string, string, readonly unknown[]])[] = [
      ['BOOL', '[true,false,1,0]', [1, 0, 1, 0]],
      ['BOOL', '[1,0,0,1]', [1, 0, 0, 1]],
      ['INT8', '[-128,127,0,-1]', [-128, 127, 0, -1]],
      ['INT16', '[-32768,32767,0,-1]', [-32768, 32767, 0, -1]],
      ['INT32', '[-2147483648,2147483647,-0,-1]', [-2147483648, 2147483647, 0, -1]],
      [
        'INT64',
        '[-9223372036854775808,9223372036854775807,-1,9007199254740993]',
        [-9223372036854775808n, 9223372036854775807n, -1n, 9007199254740993n],
      ],
      [
        'INT64',
        '[-4294967297,4294967296,-9007199254740991,2147483648]',
        [-4294967297n, 4294967296n, -9007199254740991n, 2147483648n],
      ],
      ['UINT8', '[0,255,128,1]', [0, 255, 128, 1]],
      ['UINT16', '[0,65535,128,1]', [0, 65535, 128, 1]],
      ['UINT32', '[0,4294967295,128,1]', [0, 4294967295, 128, 1]],
      [
        'UINT64',
        '[0,18446744073709551615,9007199254740993,4294967296]',
        [0n, 18446744073709551615n, 9007199254740993n, 4294967296n],
      ],
      ['FP32', '[0.1,-3e38,1,16777217]', [Math.fround(0.1), Math.fround(-3e38), 1, 16777216]],
      ['FP64', '[0.1,-1.7e308,1,5e-324]', [0.1, -1.7e308, 1, 5e-324]],
      ['BYTES', '["hé","","\\u0000x","\\ud83d\\ude00"]', [[0x68, 0xc3, 0xa9], [], [0, 0x78], [0xf0, 0x9f, 0x98, 0x80]]],
    ];
    for (const [datatype, data, expected] of cases) {
      const tensor = decodeInput(`"datatype":"${datatype}","shape":[2,2],"data":${data}`);
      assert.deepEqual(tensor.shape, [2, 2]);
      assert.deepEqual(values(tensor), expected, `${datatype} ${data}`);
    }
  });

  test('takes data nested as the shape says, scalars, and tensors without elements', () => {
    const cases: readonly (readonly [string, readonly number[], readonly unknown[]])[] = [
      ['"datatype":"INT32","shape":[2,1,2],"data":[[[1,2]],[[3,4]]]', [2, 1, 2], [1, 2, 3, 4]],
      ['"datatype":"BOOL","shape":[2,2],"data":[[true,false],[0,1]]', [2, 2], [1, 0, 0, 1]],
      ['"datatype":"BOOL","shape":[2,2],"data":[[1,0],[0,1]]', [2, 2], [1, 0, 0, 1]],
      ['"datatype":"BYTES","shape":[2,1],"data":[["a"],["b"]]', [2, 1], [[0x61], [0x62]]],
      ['"datatype":"FP32","shape":[],"data":[2.5]', [], [2.5]],
      ['"datatype":"BYTES","shape":[],"data":["a"]', [], [[0x61]]],
      ['"datatype":"FP32","shape":[0],"data":[]', [0], []],
      ['"datatype":"INT64","shape":[2,0],"data":[[],[]]', [2, 0], []],
      ['"datatype":"BOOL","shape":[2,0],"data":[[],[]]', [2, 0], []],
      ['"datatype":"BYTES","shape":[0,3],"data":[]', [0, 3], []],
    ];
    for (const [entry, shape, expected] of cases) {
      const tensor = decodeInput(entry);
      assert.deepEqual(tensor.shape, shape, entry);
      assert.deepEqual(values(tensor), expected, entry);
    }
  });

  test('refuses data whose count or nesting is not what the shape says', () => {
    for (const entry of [
      '"datatype":"FP32","shape":[3],"data":[1,2]',
      '"datatype":"FP32","shape":[1],"data":[1,2]',
      '"datatype":"FP32","shape":[2,3],"data":[[1,2],[3,4],[5,6]]',
      '"datatype":"FP32","shape":[3],"data":[[1,2],[3]]',
      '"datatype":"FP32","shape":[4],"data":[[1,2],[3,4]]',
      '"datatype":"FP32","shape":[],"data":[]',
      '"datatype":"FP32","shape":[0],"data":[1]',
      '"datatype":"FP32","shape":[0],"data":[[],[1]]',
      '"datatype":"BOOL","shape":[3],"data":[true,false]',
      '"datatype":"BOOL","shape":[3],"data":[[true],[false],[true]]',
      '"datatype":"BOOL","shape":[2,2],"data":[[true,false],[0,1,1]]',
      '"datatype":"BOOL","shape":[2,2,2],"data":[[[true,false],[true,true]],[0,1,1,0]]',
      '"datatype":"BYTES","shape":[1],"data":["a","b"]',
      '"datatype":"BYTES","shape":[2,2],"data":[["a","b"],"c"]',
      '"datatype":"BYTES","shape":[1],"data":[["a"]]',
      '"datatype":"INT64","shape":[1000000000000],"data":[1]',
    ]) {
      const { reason, message } = refusal(() => decodeInput(entry));
      assert.equal(reason, 'INVALID_SHAPE', entry);
      assert.ok(
        message.startsWith("Unable to parse 'data': Shape does not match true shape of 'data' field"),
        `${entry}: ${message}`,
      );
    }
  });

  test('takes null for a missing value: NaN among floats, empty BYTES', () => {
    for (const datatype of ['FP32', 'FP64']) {
      const flat = decodeInput(`"datatype":"${datatype}","shape":[3],"data":[1.5,null,-2]`);
      assert.deepEqual([...flat.data], [1.5, Number.NaN, -2]);
      const nested = decodeInput(`"datatype":"${datatype}","shape":[2,2],"data":[[1,2],[null,4]]`);
      assert.deepEqual([...nested.data], [1, 2, Number.NaN, 4]);
      const refused = refusal(() => decodeInput(`"datatype":"${datatype}","shape":[2,2],"data":[[1,2],[null]]`));
      assert.equal(refused.reason, 'INVALID_SHAPE');
    }
    const { message } = refusal(() => decodeInput('"datatype":"FP32","shape":[2],"data":[1e39,null]'));
    assert.match(message, /1e\+39 at element 0 .* is out of range for FP32/);
    const texts = decodeInput('"datatype":"BYTES","shape":[2],"data":[null,"a"]');
    assert.deepEqual(texts.data, [new Uint8Array(0), Uint8Array.of(97)]);
  });

  test('refuses values of another type, naming tensor, type and value', () => {
    const cases: readonly (readonly [string, string, string])[] = [
      [
        'INT32',
        '[1,2.5]',
        "non-signed-integer as signed-integer (input 'X' for model 'm' is INT32, got 2.5 at element 1)",
      ],
      ['INT64', '[1,2.0]', 'non-signed-integer as signed-integer'],
      ['INT8', '[1,1e2]', 'got a number with a point or exponent'],
      ['UINT8', '[1,2.5]', 'non-unsigned-integer as unsigned-integer'],
      ['UINT64', '["1","2"]', 'non-number as double'],
      ['FP32', '[1,"2"]', "non-number as double (input 'X' for model 'm' is FP32, got \"2\")"],
      ['INT64', '[1,null]', 'got null: a missing value, which only FP32, FP64 and BYTES can hold'],
      ['BOOL', '[true,null]', 'got null: a missing value'],
      ['FP64', '[null,"2"]', 'non-number as double'],
      ['FP32', '[true,1]', 'got true'],
      ['FP32', '[1,{"a":1}]', 'got an object'],
      ['BOOL', '[true,"x"]', 'non-boolean as boolean'],
      ['BOOL', '[1,2]', 'non-boolean as boolean'],
      ['BOOL', '[1.0,0.0]', 'non-boolean as boolean'],
      ['BOOL', '[true,2]', 'got 2'],
      ['BYTES', '["a",7]', 'non-string as string'],
      ['BYTES', '[7,8]', 'non-string as string'],
      ['FP32', '3', 'non-array as array'],
      ['BYTES', '"ab"', 'non-array as array'],
    ];
    for (const [datatype, data, expected] of cases) {
      const { reason, message } = refusal(() => decodeInput(`"datatype":"${datatype}","shape":[2],"data":${data}`));
      assert.equal(reason, 'INVALID_ARGUMENT', message);
      assert.ok(message.startsWith("Unable to parse 'data': attempt to access JSON "), message);
      assert.ok(message.includes(expected), `${message} lacks ${expected}`);
    }
  });

  test('refuses values out of range instead of wrapping or rounding them to infinity', () => {
    const cases: readonly (readonly [string, string])[] = [
      ['INT8', '128'],
      ['INT8', '-129'],
      ['UINT8', '256'],
      ['UINT8', '-1'],
      ['INT16', '32768'],
      ['UINT16', '65536'],
      ['INT32', '2147483648'],
      ['UINT32', '4294967296'],
      ['INT64', '9223372036854775808'],
      ['INT64', '-9223372036854775809'],
      ['UINT64', '18446744073709551616'],
      ['UINT64', '-1'],
      ['UINT64', '-9007199254740993'],
      ['FP32', '1e39'],
      ['FP32', '-3.5e38'],
    ];
    for (const [datatype, value] of cases) {
      const { reason, message } = refusal(() =>
        decodeInput(`"datatype":"${datatype}","shape":[2],"data":[0,${value}]`),
      );
      assert.equal(reason, 'INVALID_ARGUMENT', message);
      assert.match(message, new RegExp(`at element 1 of input 'X' for model 'm' is out of range for ${datatype}$`));
    }
    assert.equal(
      refusal(() => decodeInput('"datatype":"FP64","shape":[1],"data":[1e400]')).reason,
      'MALFORMED_REQUEST',
    );
  });

  test('refuses 16-bit floats in JSON and datatypes nobody knows', () => {
    for (const datatype of ['FP16', 'BF16']) {
      assert.deepEqual(
        refusal(() => decodeInput(`"datatype":"${datatype}","shape":[1],"data":[1]`)),
        {
          reason: 'INVALID_ARGUMENT',
          message: `receiving ${datatype} data via JSON is not supported. Please use the binary data format for input X`,
        },
      );
    }
    for (const datatype of ['fp32', 'STRING', '', '__proto__', 'float32']) {
      assert.match(
        refusal(() => decodeInput(`"datatype":"${datatype}","shape":[1],"data":[1]`)).message,
        /^invalid datatype for input 'X' for model 'm'/,
      );
    }
  });

  test('refuses malformed shapes', () => {
    for (const shape of ['[-1]', '[1.5]', '[1.0]', '["2"]', '[[2]]', '2', '{}', '[true]']) {
      const { reason, message } = refusal(() => decodeInput(`"datatype":"FP32","shape":${shape},"data":[1,2]`));
      assert.equal(reason, 'INVALID_SHAPE', shape);
      assert.match(message, /^Unable to parse 'shape': /);
    }
    assert.match(
      refusal(() => decodeJson('{"inputs":[{"name":"X","datatype":"FP32","data":[1]}]}')).message,
      /non-existing object member 'shape'/,
    );
    for (const shape of [
      '[4294967296,4294967296]',
      '[9007199254740992]',
      '[18446744073709551615]',
      '[0,9007199254740992]',
    ]) {
      assert.match(
        refusal(() => decodeInput(`"datatype":"FP32","shape":${shape},"data":[1]`)).message,
        /describes more elements than can be counted/,
      );
    }
    const deep = `[${Array(65).fill(1).join(',')}]`;
    assert.match(
      refusal(() => decodeInput(`"datatype":"FP32","shape":${deep},"data":[1]`)).message,
      /rank must be at most 64, got 65/,
    );
    assert.equal(decodeInput(`"datatype":"FP32","shape":[${Array(64).fill(1).join(',')}],"data":[1]`).shape.length, 64);
    const nested = `${'['.repeat(64)}7${']'.repeat(64)}`;
    const tensor = decodeInput(`"datatype":"INT8","shape":[${Array(64).fill(1).join(',')}],"data":${nested}`);
    assert.deepEqual(values(tensor), [7]);
  });

  test('refuses NaN, trailing text, deep nesting and other things that are not JSON', () => {
    for (const text of [
      '',
      '{',
      '[]',
      'null',
      '{"inputs":[]} x',
      '{"inputs":[{"name":"X","datatype":"FP32","shape":[1],"data":[NaN]}]}',
      `{"inputs":${'['.repeat(100_000)}`,
      '{"inputs":{}}',
      '{"inputs":[1]}',
      '{"inputs":null}',
      '{}',
    ]) {
      assert.equal(refusal(() => decodeJson(text)).reason, 'MALFORMED_REQUEST', text.slice(0, 60));
    }
  });

  test('refuses duplicate inputs and outputs, missing names, and inputs with no or two sources of data', () => {
    const x = '{"name":"X","datatype":"FP32","shape":[1],"data":[1]}';
    assert.equal(refusal(() => decodeJson(`{"inputs":[${x},${x}]}`)).message, "input 'X' already exists in request");
    assert.equal(
      refusal(() => decodeJson(`{"inputs":[${x}],"outputs":[{"name":"OUTPUT0"},{"name":"OUTPUT0"}]}`)).message,
      "output 'OUTPUT0' already exists in request",
    );
    assert.equal(
      refusal(() => decodeJson('{"inputs":[{"datatype":"FP32","shape":[1],"data":[1]}]}')).message,
      "Unable to parse 'name': attempt to access non-existing object member 'name'",
    );
    const both = refusal(() =>
      decodeInput('"datatype":"FP32","shape":[1],"data":[1],"parameters":{"binary_data_size":4}'),
    );
    assert.match(both.message, /^Input must set only one of .* But set 'data' 'binary_data_size'/);
    assert.match(refusal(() => decodeInput('"datatype":"FP32","shape":[1]')).message, /But no field is set/);
  });

  test('keeps names that are keys of Object.prototype apart from it', () => {
    const entry = (name: string): string => `{"name":"${name}","datatype":"INT8","shape":[1],"data":[5]}`;
    const request = decodeJson(
      `{"inputs":[${entry('__proto__')},${entry('constructor')}],"parameters":{"__proto__":"p"},"outputs":[{"name":"toString"}]}`,
    );
    assert.deepEqual([...request.inputs.keys()], ['__proto__', 'constructor']);
    assert.equal(request.parameters.get('__proto__'), 'p');
    assert.equal(request.requestedOutputs?.[0]?.name, 'toString');
  });

  test('takes null for a field left out, as KServe clients write it', () => {
    const request = decodeJson(
      '{"id":null,"parameters":null,"outputs":null,"inputs":[{"name":"X","datatype":"INT8","shape":[1],"parameters":null,"data":[5]}]}',
    );
    assert.equal(request.id, null);
    assert.equal(request.requestedOutputs, null);
    assert.deepEqual(request.inputs.get('X')?.data, Int8Array.of(5));
  });
});

describe('decodeInferRequest parameters', () => {
  const inputs = '"inputs":[{"name":"X","datatype":"INT8","shape":[1],"data":[5]}]';

  test('reads priority, timeout in microseconds, and keeps what it gives no meaning to', () => {
    const request = decodeJson(
      `{${inputs},"parameters":{"priority":2,"timeout":2500,"my":"text","n":18446744073709551615,"f":0.5,"b":true}}`,
    );
    assert.equal(request.priority, 2);
    assert.equal(request.timeoutMs, 2.5);
    assert.deepEqual(
      [...request.parameters],
      [
        ['my', 'text'],
        ['n', 18446744073709551615n],
        ['f', 0.5],
        ['b', true],
      ],
    );
    const none = decodeJson(`{${inputs},"parameters":{"timeout":0}}`);
    assert.ok(!('timeoutMs' in none) && !('priority' in none));
  });

  test('resolves binary output per output, then per request', () => {
    const request = decodeJson(
      `{${inputs},"parameters":{"binary_data_output":true},"outputs":[{"name":"a"},{"name":"b","parameters":{"binary_data":false}},` +
        '{"name":"c","parameters":{"binary_data":true,"classification":3}}]}',
    );
    assert.equal(request.binaryOutputDefault, true);
    assert.deepEqual(request.requestedOutputs, [
      { name: 'a', binary: true, classification: 0 },
      { name: 'b', binary: false, classification: 0 },
      { name: 'c', binary: true, classification: 3 },
    ]);
    assert.equal(decodeJson(`{${inputs},"outputs":[]}`).requestedOutputs, null);
  });

  test('refuses sequences, shared memory, reserved keys and values of the wrong type by name', () => {
    for (const [parameters, reason, message] of [
      ['{"sequence_id":1}', 'UNSUPPORTED_FEATURE', /'sequence_id'/],
      ['{"sequence_start":true}', 'UNSUPPORTED_FEATURE', /'sequence_start'/],
      ['{"sequence_end":true}', 'UNSUPPORTED_FEATURE', /'sequence_end'/],
      ['{"triton_final_response":true}', 'INVALID_ARGUMENT', /^parameter keys starting with 'triton_' are reserved/],
      ['{"priority":-1}', 'INVALID_ARGUMENT', /^Unable to parse 'priority'/],
      ['{"timeout":"5"}', 'INVALID_ARGUMENT', /^Unable to parse 'timeout'/],
      ['{"timeout":18446744073709551615}', 'INVALID_ARGUMENT', /^Unable to parse 'timeout'/],
      ['{"binary_data_output":1}', 'INVALID_ARGUMENT', /^Unable to parse 'binary_data_output'/],
      ['{"list":[1]}', 'INVALID_ARGUMENT', /^parameter 'list' has invalid type/],
      ['{"nothing":null}', 'INVALID_ARGUMENT', /^parameter 'nothing' has invalid type/],
      ['[]', 'MALFORMED_REQUEST', /^Unable to parse 'parameters'/],
    ] as const) {
      const got = refusal(() => decodeJson(`{${inputs},"parameters":${parameters}}`));
      assert.equal(got.reason, reason, parameters);
      assert.match(got.message, message);
    }
    const input = refusal(() => decodeInput('"datatype":"FP32","shape":[1],"parameters":{"shared_memory_region":"r"}'));
    assert.equal(input.reason, 'UNSUPPORTED_FEATURE');
    assert.match(input.message, /'shared_memory_region' of input 'X'/);
    const output = refusal(() =>
      decodeJson(`{${inputs},"outputs":[{"name":"Y","parameters":{"shared_memory_byte_size":4}}]}`),
    );
    assert.match(output.message, /'shared_memory_byte_size' of output 'Y'/);
    assert.match(
      refusal(() => decodeJson(`{${inputs},"outputs":[{"name":"Y","parameters":{"classification":-2}}]}`)).message,
      /'classification'/,
    );
  });
});

describe('decodeInferRequest on binary tensors', () => {
  test('reads tensors behind the header in the order of the inputs, past JSON ones', () => {
    const header =
      '{"inputs":[{"name":"a","datatype":"INT16","shape":[2],"parameters":{"binary_data_size":4}},' +
      '{"name":"j","datatype":"INT8","shape":[1],"data":[9]},' +
      '{"name":"s","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":6}},' +
      '{"name":"h","datatype":"BF16","shape":[1,1],"parameters":{"binary_data_size":2}},' +
      '{"name":"e","datatype":"FP32","shape":[0,7],"parameters":{"binary_data_size":0}}]}';
    const body = bodyOf(header, 1, 0, 0xff, 0xff, 2, 0, 0, 0, 0x68, 0x69, 0x80, 0x3f);
    const { inputs } = decodeInferRequest(body, header.length, 'm');
    assert.deepEqual(inputs.get('a')?.data, Int16Array.of(1, -1));
    assert.deepEqual(inputs.get('j')?.data, Int8Array.of(9));
    assert.deepEqual(inputs.get('s')?.data, [Uint8Array.of(0x68, 0x69)]);
    assert.deepEqual(inputs.get('h'), { dtype: 'bfloat16', shape: [1, 1], data: Uint16Array.of(0x3f80) });
    assert.deepEqual(inputs.get('e'), { dtype: 'float32', shape: [0, 7], data: new Float32Array(0) });
  });

  test('makes views where the server aligned the body, and structured-clonable results everywhere', () => {
    const header = '{"inputs":[{"name":"X","datatype":"FP64","shape":[1],"parameters":{"binary_data_size":8}}]}';
    const allocation = new Uint8Array(header.length + 16);
    const start = (8 - (header.length % 8)) % 8;
    allocation.set(bodyOf(header, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f), start);
    const body = allocation.subarray(start, start + header.length + 8);
    const request = decodeInferRequest(body, header.length, 'm');
    const tensor = request.inputs.get('X');
    assert.ok(tensor?.dtype === 'float64');
    assert.deepEqual([...tensor.data], [1.5]);
    assert.equal(tensor.data.buffer, allocation.buffer);
    assert.deepEqual(structuredClone(request), request);
  });

  test('refuses sizes that do not fit, with the words of Triton', () => {
    const decode = (size: string, binary: readonly number[], tail = ''): DecodedInferRequest => {
      const header = `{"inputs":[{"name":"X","datatype":"FP32","shape":[1,8],"parameters":{"binary_data_size":${size}}}${tail}]}`;
      return decodeInferRequest(bodyOf(header, ...binary), header.length, 'm');
    };
    const zeros = (count: number): readonly number[] => Array<number>(count).fill(0);
    assert.equal(decode('32', zeros(32)).inputs.size, 1);
    for (const [size, available, message] of [
      ['40', 40, "input byte size mismatch for input 'X' for model 'm'. Expected 32, got 40"],
      ['31', 31, "input byte size mismatch for input 'X' for model 'm'. Expected 32, got 31"],
      ['32', 30, "unexpected size for input 'X', expecting 2 additional bytes for model 'm'"],
      ['1000000000', 10, "unexpected size for input 'X', expecting 999999990 additional bytes for model 'm'"],
      ['32', 33, "unexpected additional input data for model 'm': 1 bytes behind the last input"],
      ['-1', 0, "Unable to parse 'binary_data_size': attempt to access JSON non-unsigned-integer as unsigned-integer"],
      ['1.5', 0, "Unable to parse 'binary_data_size': attempt to access JSON non-unsigned-integer as unsigned-integer"],
      [
        '"32"',
        0,
        "Unable to parse 'binary_data_size': attempt to access JSON non-unsigned-integer as unsigned-integer",
      ],
      [
        '18446744073709551615',
        0,
        "Unable to parse 'binary_data_size': attempt to access JSON non-unsigned-integer as unsigned-integer",
      ],
    ] as const) {
      assert.equal(refusal(() => decode(size, zeros(available))).message, message);
    }
    assert.equal(refusal(() => decode('NaN', [])).reason, 'MALFORMED_REQUEST');
    const noHeader = '{"inputs":[{"name":"X","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":4}}]}';
    assert.match(refusal(() => decodeJson(noHeader)).message, /expecting 4 additional bytes/);
  });

  test('refuses a claim of a gigabyte in a small body without allocating it', () => {
    const before = process.memoryUsage().arrayBuffers;
    for (const datatype of ['FP32', 'UINT8', 'BYTES', 'INT64']) {
      const parameters = '"parameters":{"binary_data_size":1073741824}';
      for (const source of [parameters, '"data":[1]', '"data":["a"]']) {
        const header = `{"inputs":[{"name":"X","datatype":"${datatype}","shape":[1073741824],${source}}]}`;
        refusal(() => decodeInferRequest(bodyOf(header, 1, 2, 3), header.length, 'm'));
      }
    }
    assert.ok(process.memoryUsage().arrayBuffers - before < 50_000_000);
  });

  test('refuses a header length of 0 or beyond the body', () => {
    const body = bodyOf('{"inputs":[]}');
    assert.equal(decodeInferRequest(body, 13, 'm').inputs.size, 0);
    for (const length of [0, 14, 1e9]) {
      assert.deepEqual(
        refusal(() => decodeInferRequest(body, length, 'm')),
        { reason: 'MALFORMED_REQUEST', message: `inference header size should be in range (0, 13), got: ${length}` },
      );
    }
  });

  test('survives every truncation and many mutations of a valid body', () => {
    const header =
      '{"id":"r","inputs":[{"name":"X","datatype":"INT16","shape":[2,1],"parameters":{"binary_data_size":4}},' +
      '{"name":"Y","datatype":"BYTES","shape":[2],"data":["a","b"]}],"outputs":[{"name":"Z","parameters":{"binary_data":true}}]}';
    const body = bodyOf(header, 1, 2, 3, 4);
    decodeInferRequest(body, header.length, 'm');
    let state = 7;
    for (let round = 0; round < 20_000; round++) {
      const mutant = round < body.length ? body.slice(0, round) : body.slice();
      for (let changes = 0; round >= body.length && changes < 3; changes++) {
        state = (state * 1103515245 + 12345) % 2147483648;
        mutant[state % mutant.length] = (state >> 8) & 0xff;
      }
      try {
        decodeInferRequest(mutant, Math.min(header.length, mutant.length), 'm');
      } catch (thrown) {
        assert.ok(thrown instanceof AmaasError, String(thrown));
        assert.ok(['INVALID_ARGUMENT', 'UNIMPLEMENTED'].includes(thrown.code), thrown.code);
      }
    }
  });
});

describe('parseHeaderLength', () => {
  test('reads whole numbers within the body and refuses the rest with the words of Triton', () => {
    assert.equal(parseHeaderLength(undefined, 10), null);
    assert.equal(parseHeaderLength('0', 10), 0);
    assert.equal(parseHeaderLength(' 10 ', 10), 10);
    assert.equal(
      refusal(() => parseHeaderLength('11', 10)).message,
      'inference header size should be in range (0, 10), got: 11',
    );
    assert.equal(
      refusal(() => parseHeaderLength('-1', 10)).message,
      'inference header size should be in range (0, 10), got: -1',
    );
    for (const text of ['', 'x', '1.5', '1e3', '0x5', 'NaN', '9'.repeat(99)]) {
      assert.match(
        refusal(() => parseHeaderLength(text, 10)).message,
        /^Unable to parse Inference-Header-Content-Length, got: /,
      );
    }
  });
});
