// TensorFlow Serving's rules for JSON values: what becomes which element, what is refused, how elements are printed.
// Every body goes through the codec thread here, small as it is; tfs-http.test.ts has it converted on the spot.
// Expected values: design notes "wire facts" 3.A (tensorflow/serving, json_tensor.cc) and the traps of section 4.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer, type TestServer } from './testing/running-server.ts';
import { assertBody, assertError, callTfs, type TfsReply } from './testing/tfs-call.ts';
import { bytesModel, echoModel, everyDtypeModel, JSON_DTYPES } from './testing/tfs-models.ts';

let server: TestServer;

before(async () => {
  server = await startTestServer({ codecWorkerMinBytes: '0' });
  await Promise.all([
    server.deploy('every', everyDtypeModel()),
    server.deploy('floats', echoModel('float32')),
    server.deploy('doubles', echoModel('float64')),
    server.deploy('longs', echoModel('int64')),
    server.deploy('halves', echoModel('float16', ['N'])),
    server.deploy('words', echoModel('uint16', ['N'])),
    server.deploy('texts', echoModel('string', ['N'])),
    server.deploy('pictures', bytesModel()),
  ]);
});

after(() => server.stop());

function predict(model: string, body: string): Promise<TfsReply> {
  return callTfs(server.url, { path: `/v1/models/${model}:predict`, body });
}

const PLACEHOLDERS: ReadonlyMap<string, string> = new Map([
  ['bool', '[true]'],
  ['string', '["x"]'],
]);

/** Asks the model of every dtype with `values` (JSON) for one of them. */
function ask(dtype: string, values: string): Promise<TfsReply> {
  const inputs = JSON_DTYPES.map(
    (each) => `"in_${each}": ${each === dtype ? values : (PLACEHOLDERS.get(each) ?? '[1]')}`,
  );
  return predict('every', `{"inputs": {${inputs.join(', ')}}}`);
}

/** The elements of `dtype` come back printed as `expected`. */
async function assertEcho(dtype: string, values: string, expected: string): Promise<void> {
  const { status, text } = await ask(dtype, values);
  assert.equal(status, 200, text);
  const start = text.indexOf(`"out_${dtype}":[`) + `"out_${dtype}":`.length;
  assert.equal(text.slice(start, text.indexOf(']', start) + 1), expected, `${dtype} ${values}`);
}

/** A value of another type is refused in TensorFlow Serving's words. */
async function assertTypeError(dtype: string, value: string, kind: string): Promise<void> {
  const names: Record<string, string> = { float32: 'float', float64: 'double' };
  assertError(
    await ask(dtype, `[${value}]`),
    400,
    `JSON Value: ${value} Type: ${kind} is not of expected type: ${names[dtype] ?? dtype}${value === 'null' ? '; null means a missing value, which only float, double and string inputs can hold' : ''}`,
  );
}

test('float32: any number; the shortest text that names it, whole numbers with a point', async () => {
  await assertEcho('float32', '[2, 2.0, 0.1, 1e3, 1E-3, -0.0, -0]', '[2.0,2.0,0.1,1000.0,0.001,-0.0,-0.0]');
  // Neither is a float32; the nearest one is, and 0.1 is the shortest that names it.
  await assertEcho('float32', '[0.10000000149011612, 16777217, 3.4028235e38]', '[0.1,16777216.0,3.4028235e+38]');
  await assertEcho('float32', '[1e-45, 1e-46, 9007199254740993]', '[1e-45,0.0,9007199000000000.0]');
});

test('float64: sixteen and seventeen digits survive', async () => {
  await assertEcho(
    'float64',
    '[0.1, 0.30000000000000004, 1e308, 5e-324, 9007199254740993, 123456789012345680]',
    '[0.1,0.30000000000000004,1e+308,5e-324,9007199254740992.0,123456789012345680.0]',
  );
});

test('NaN and the infinities go in and out bare', async () => {
  assertBody(
    await predict('floats', '{"instances": [NaN, Infinity, -Infinity, 1]}'),
    '{"predictions":[NaN,Infinity,-Infinity,1.0]}',
  );
  assertBody(
    await predict('doubles', '{"inputs": [[NaN, -Infinity], [Infinity, 0]]}'),
    '{"outputs":[[NaN,-Infinity],[Infinity,0.0]]}',
  );
  await assertTypeError('float32', '"NaN"', 'String');
  // A double that would become an infinity is no float: refused, not changed.
  assertError(await ask('float32', '[1e39]'), 400, /JSON value: 1e\+39 to float without loss of precision/);
  assertError(await ask('float32', '[1e999]'), 400, /^JSON Parse error: /);
});

test('int64 and uint64 to their ends, far beyond 2^53', async () => {
  const least = '-9223372036854775808';
  const greatest = '9223372036854775807';
  await assertEcho('int64', `[${least}, ${greatest}, 9007199254740993]`, `[${least},${greatest},9007199254740993]`);
  await assertEcho('uint64', '[0, 18446744073709551615]', '[0,18446744073709551615]');
  assertBody(
    await predict('longs', `{"instances": [[9007199254740993], [${greatest}]]}`),
    `{"predictions":[[9007199254740993],[${greatest}]]}`,
  );
  await assertTypeError('int64', '9223372036854775808', 'Number');
  await assertTypeError('uint64', '18446744073709551616', 'Number');
  await assertTypeError('uint64', '-1', 'Number');
});

test('integers need integer tokens within their range', async () => {
  const ranges: readonly (readonly [dtype: string, least: number, greatest: number])[] = [
    ['int8', -128, 127],
    ['int16', -32768, 32767],
    ['int32', -2147483648, 2147483647],
    ['uint8', 0, 255],
    ['uint32', 0, 4294967295],
  ];
  for (const [dtype, least, greatest] of ranges) {
    await assertEcho(dtype, `[${least}, 0, ${greatest}]`, `[${least},0,${greatest}]`);
    await assertTypeError(dtype, String(least - 1), 'Number');
    await assertTypeError(dtype, String(greatest + 1), 'Number');
  }
  for (const dtype of ['int8', 'int16', 'int32', 'int64', 'uint8', 'uint32', 'uint64']) {
    for (const value of ['1.5', '1.0']) await assertTypeError(dtype, value, 'Number');
    await assertTypeError(dtype, '"1"', 'String');
    await assertTypeError(dtype, 'true', 'True');
    await assertTypeError(dtype, 'null', 'Null');
    assertError(await ask(dtype, '[NaN]'), 400, /Type: Number is not of expected type/);
  }
});

test('bool and string are strict', async () => {
  await assertEcho('bool', '[true, false]', '[true,false]');
  await assertTypeError('bool', '1', 'Number');
  await assertTypeError('bool', '"true"', 'String');
  await assertEcho(
    'string',
    '["", "plain", "ünïcode ✓", "\\"\\\\\\n\\u0001"]',
    '["","plain","ünïcode ✓","\\"\\\\\\n\\u0001"]',
  );
  await assertTypeError('string', '5', 'Number');
  await assertTypeError('string', 'false', 'False');
  await assertTypeError('float32', 'false', 'False');
  await assertTypeError('bool', 'null', 'Null');
  // Where a type can hold it, null is a missing value; TensorFlow Serving refuses it there too.
  await assertEcho('string', '[null, "a"]', '["","a"]');
  await assertEcho('float32', '[null, 1.5]', '[NaN,1.5]');
});

test('uint16, half and bfloat16 have no JSON form: 501', async () => {
  assertError(await predict('words', '{"inputs": [7]}'), 501, 'Conversion of JSON Value: 7 to type: uint16');
  assertError(await predict('halves', '{"inputs": [0.5]}'), 501, 'Conversion of JSON Value: 0.5 to type: half');
  const rows = await predict('halves', '{"instances": [0.5]}');
  assertError(rows, 501, /Conversion of JSON Value: 0.5 to type: half/);
});

test('b64: bytes in, and out where the name ends in _bytes', async () => {
  const elements = '[{"b64": "aGVsbG8="}, {"b64": ""}, "text"]';
  assertBody(
    await predict('pictures', `{"inputs": ${elements}}`),
    '{"outputs":{"text":["hello","","text"],"raw_bytes":[{"b64":"aGVsbG8="},{"b64":""},{"b64":"dGV4dA=="}]}}',
  );
  assertBody(
    await predict('pictures', '{"instances": [{"x": {"b64": "aGVsbG8="}}, {"x": "text"}]}'),
    '{"predictions":[{"text":"hello","raw_bytes":{"b64":"aGVsbG8="}},{"text":"text","raw_bytes":{"b64":"dGV4dA=="}}]}',
  );
  assertBody(await predict('texts', '{"instances": [{"b64": "aGVsbG8="}, "x"]}'), '{"predictions":["hello","x"]}');
  assertError(await predict('texts', '{"inputs": [{"b64": "!!"}]}'), 400, 'Unable to base64 decode');
  assertError(await predict('texts', '{"inputs": [{"b64": 5}]}'), 400, /not formatted correctly for base64 data/);
  assertError(await predict('texts', '{"inputs": [{"b64": "aGVsbG8=", "x": 1}]}'), 400, /not formatted correctly/);
  assertError(
    await predict('floats', '{"inputs": [{"b64": "aGVsbG8="}]}'),
    400,
    /Type: Object is not of expected type: float/,
  );
  // The runtime takes texts only: bytes that are none are refused, not changed.
  assertError(
    await predict('texts', '{"inputs": [{"b64": "/w=="}]}'),
    501,
    /element 0 is a string that is not valid UTF-8/,
  );
});

test('a document quoted in a message is cut at 256 bytes', async () => {
  const { status, text } = await predict('floats', `{"inputs": ["${'x'.repeat(1000)}"]}`);
  assert.equal(status, 400);
  const { error } = JSON.parse(text) as { readonly error: string };
  const quoted = error.slice('JSON Value: '.length, error.indexOf(' Type: '));
  assert.equal(Buffer.byteLength(quoted), 256);
});

test('examples: the token decides the kind, and kinds do not mix', async () => {
  const example = (content: string) =>
    callTfs(server.url, {
      path: '/v1/models/kinds:regress',
      body: `{"examples": [{"x": ${content}}]}`,
    });
  await server.deploy('kinds', echoModel('int64', ['N', 1]), {
    signatures: { serving_default: { method: 'regress' } },
  });
  // A model of integers: what comes back of them is no regression, which says that they went in.
  for (const content of ['5', '[5]', 'true', '9223372036854775807']) {
    assertError(await example(content), 400, /^Expected outputs Tensor shape to be .* but got: none$/);
  }
  assertError(await example('9223372036854775808'), 400, /x has uint64 element. Only int64 is supported/);
  assertError(await example('1.5'), 400, /Feature: x of example 0: .*not of expected type: int64/);
  assertError(await example('"5"'), 400, /Feature: x of example 0: .*not of expected type: int64/);
  for (const mixed of ['[1, "a"]', '[1.5, "a"]', '["a", true]', '[true, 1.5]', '[true, {"b64": "aGVsbG8="}]']) {
    assertError(
      await example(mixed),
      400,
      /^Unexpected element type in feature: x expecting type: (int64|float|bytes)$/,
    );
  }
  for (const [content, type] of [
    ['null', 'Null'],
    ['[null]', 'Null'],
    ['[[1]]', 'Array'],
    ['{"y": 1}', 'Object'],
  ]) {
    assertError(await example(content ?? ''), 400, `Feature: x has element with unexpected JSON type: ${type}`);
  }
});
