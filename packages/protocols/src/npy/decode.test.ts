import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bfloat16BitsFromNumber, createTensor, float16BitsFromNumber, type Tensor } from '@amaas/core';
import { decodeNpy } from './decode.ts';
import { encodeNpy } from './encode.ts';
import { formatHeader } from './header.ts';
import { numpyFile } from './testing/numpy-files.ts';

const SHAPE = [2, 3];
const signed = [-9, -2, 5, 12, 19, 26];
const unsigned = [0, 7, 14, 21, 28, 35];
const floats = signed.map((value) => value / 4);
const complex = [0, 1, 2, 3, 4, 5].flatMap((value) => [value, value * 2 - 3.5]);

// What the arrays behind the fixtures held, by the name of the fixture.
const NUMBERS: readonly (readonly [string, Tensor])[] = [
  ['i1', createTensor('int8', SHAPE, Int8Array.from(signed))],
  ['i2', createTensor('int16', SHAPE, Int16Array.from(signed))],
  ['i4', createTensor('int32', SHAPE, Int32Array.from(signed))],
  ['i8', createTensor('int64', SHAPE, BigInt64Array.from(signed, BigInt))],
  ['u1', createTensor('uint8', SHAPE, Uint8Array.from(unsigned))],
  ['u2', createTensor('uint16', SHAPE, Uint16Array.from(unsigned))],
  ['u4', createTensor('uint32', SHAPE, Uint32Array.from(unsigned))],
  ['u8', createTensor('uint64', SHAPE, BigUint64Array.from(unsigned, BigInt))],
  ['f2', createTensor('float16', SHAPE, Uint16Array.from(floats, float16BitsFromNumber))],
  ['f4', createTensor('float32', SHAPE, Float32Array.from(floats))],
  ['f8', createTensor('float64', SHAPE, Float64Array.from(floats))],
  ['c8', createTensor('complex64', SHAPE, Float32Array.from(complex))],
  ['c16', createTensor('complex128', SHAPE, Float64Array.from(complex))],
];

for (const [name, tensor] of NUMBERS) {
  test(`decodeNpy reads NumPy's ${name}, little- and big-endian, C and Fortran order`, () => {
    assert.deepEqual(decodeNpy(numpyFile(name)), tensor);
    assert.deepEqual(decodeNpy(numpyFile(`big ${name}`)), tensor);
    assert.deepEqual(decodeNpy(numpyFile(`fortran ${name}`)), tensor);
  });

  test(`encodeNpy writes ${name} byte for byte as NumPy does`, () => {
    assert.deepEqual(encodeNpy(tensor), numpyFile(name));
  });
}

const OTHERS: readonly (readonly [string, Tensor])[] = [
  ['b1', createTensor('bool', SHAPE, Uint8Array.of(0, 1, 0, 1, 0, 1))],
  ['scalar', createTensor('float32', [], Float32Array.of(2.5))],
  ['empty', createTensor('int64', [0, 4], new BigInt64Array(0))],
  ['vector', createTensor('int32', [3], Int32Array.of(1, 2, 3))],
  ['ints', createTensor('int64', [2], BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n))],
  ['uints', createTensor('uint64', [1], BigUint64Array.of(2n ** 64n - 1n))],
];

for (const [name, tensor] of OTHERS) {
  test(`decodeNpy and encodeNpy agree with NumPy on ${name}`, () => {
    assert.deepEqual(decodeNpy(numpyFile(name)), tensor);
    assert.deepEqual(encodeNpy(tensor), numpyFile(name));
  });
}

test('decodeNpy reads a Fortran-ordered cube', () => {
  const { data, shape } = decodeNpy(numpyFile('cube fortran'));
  assert.deepEqual(shape, [2, 3, 4]);
  assert.deepEqual(
    data,
    Int16Array.from({ length: 24 }, (_, index) => index),
  );
});

test('decodeNpy reads format versions 2 and 3', () => {
  for (const name of ['version 2', 'version 3']) {
    assert.deepEqual(decodeNpy(numpyFile(name)), createTensor('float64', [2], Float64Array.of(1.5, 2.5)));
  }
});

const bytesOf = (...texts: readonly string[]): readonly Uint8Array[] =>
  texts.map((text) => new TextEncoder().encode(text));

test('decodeNpy reads byte strings and texts', () => {
  const byteStrings = [
    ...bytesOf('a', ''),
    new Uint8Array(Buffer.from('long\xffest', 'latin1')),
    ...bytesOf('x\0y', 'z', 'q'),
  ];
  assert.deepEqual(decodeNpy(numpyFile('S')), createTensor('string', SHAPE, byteStrings));
  assert.deepEqual(decodeNpy(numpyFile('fortran S')), createTensor('string', SHAPE, byteStrings));
  const texts = createTensor('string', SHAPE, bytesOf('a', '', 'grüße', '日本', '🎈', 'q'));
  for (const name of ['U', 'big U', 'fortran U']) assert.deepEqual(decodeNpy(numpyFile(name)), texts);
  assert.deepEqual(encodeNpy(texts), numpyFile('U'));
  assert.deepEqual(encodeNpy(createTensor('string', SHAPE, byteStrings)), numpyFile('S'));
});

test('decodeNpy reads in place where it can, and anywhere in memory', () => {
  const file = numpyFile('f8');
  const tensor = decodeNpy(file);
  assert.ok(tensor.dtype === 'float64' && tensor.data.buffer === file.buffer);
  for (let shift = 1; shift < 8; shift++) {
    const moved = Buffer.concat([Buffer.alloc(shift), file]);
    assert.deepEqual(decodeNpy(moved.subarray(shift)), tensor);
  }
});

/** A file with this header text, version 1, and data. */
function fileOf(dict: string, data: readonly number[] = []): Uint8Array {
  const text = new TextEncoder().encode(dict);
  return Uint8Array.from([
    0x93,
    ...new TextEncoder().encode('NUMPY'),
    1,
    0,
    text.length & 0xff,
    text.length >> 8,
    ...text,
    ...data,
  ]);
}

function refuse(bytes: Uint8Array, message: RegExp): void {
  assert.throws(() => decodeNpy(bytes), { reason: 'MALFORMED_REQUEST', message });
}

test('decodeNpy takes headers as other writers space and order them', () => {
  const expected = createTensor('uint8', [2], Uint8Array.of(1, 2));
  for (const dict of [
    `{'descr':'|u1','fortran_order':False,'shape':(2,)}`,
    `{"shape": (2L,), "fortran_order": False, "descr": "=u1"}\n`,
    `  { 'descr' : '<u1' , 'fortran_order' : True , 'shape' : ( 2 , ) , }   \n`,
  ]) {
    assert.deepEqual(decodeNpy(fileOf(dict, [1, 2])), expected);
  }
});

test('decodeNpy refuses what no tensor holds, saying why', () => {
  refuse(numpyFile('object'), /pickled Python objects are refused: unpickling runs code/);
  refuse(numpyFile('structured'), /structured types cannot be read/);
  refuse(numpyFile('datetime'), /type "<M8\[D\]" has no tensor/);
  refuse(numpyFile('longdouble'), /type "<f16" has no tensor/);
});

test('decodeNpy refuses malformed files', () => {
  const head = (descr: string, shape: string): string =>
    `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}}`;
  refuse(new Uint8Array(0), /does not start with/);
  refuse(numpyFile('i4').subarray(0, 6), /got the end of the file/);
  refuse(numpyFile('i4').subarray(0, 9), /ends within its header/);
  refuse(numpyFile('i4').subarray(0, 50), /the header claims 118 bytes, 40 follow/);
  refuse(
    Uint8Array.from(numpyFile('i4'), (byte, index) => (index === 6 ? 4 : byte)),
    /version 1, 2 or 3, got 4/,
  );
  refuse(numpyFile('i4').subarray(0, -1), /<i4 \[2,3\] needs 24 bytes of data, got 23/);
  refuse(Uint8Array.of(...numpyFile('i4'), 0), /needs 24 bytes of data, got 25/);
  refuse(fileOf(head('<i4', '(-1,)')), /no dict as NumPy writes it, from "-1,\)\}" on/);
  refuse(fileOf(head('<i4', '(2 3)')), /from "3\)\}" on/);
  refuse(fileOf(head('<i4', '(99999999999999999999,)')), /no dict as NumPy writes it/);
  refuse(fileOf(head('<i4', '(9999999999999999999,)')), /no tensor has the shape/);
  refuse(fileOf(head('<i4', `(${'1,'.repeat(65)})`)), /more than 64 dims/);
  refuse(fileOf(head('<i4', '(4611686018427387904,)')), /no tensor has the shape/);
  refuse(fileOf(`{'descr': '<i4', 'shape': ()}`), /must give descr, fortran_order and shape/);
  refuse(fileOf(`{'descr': '<i4', 'extra': 1}`), /unknown key "extra"/);
  refuse(fileOf(`${head('<i4', '()')} x`, [0, 0, 0, 0]), /from " x" on/);
  refuse(fileOf(`__import__('os').system('true')`), /no dict as NumPy writes it/);
  refuse(fileOf(head('|b1', '(2,)'), [0, 2]), /a bool is not 0 or 1/);
  refuse(fileOf(head('<U1', '(1,)'), [0, 0xd8, 0, 0]), /0xd800, which is no Unicode character/);
  refuse(fileOf(head('<U1', '(1,)'), [0, 0, 0x11, 0]), /0x110000, which is no Unicode character/);
});

test('decodeNpy refuses strings that would cost more memory than they have bytes', () => {
  const header = (descr: string, count: number): Uint8Array =>
    formatHeader({ descr, fortranOrder: false, shape: [count] });
  refuse(header('|S0', 2 ** 40), /elements of type \|S0 have no bytes/);
  const many = new Uint8Array([...header('|S1', 100), ...new Uint8Array(100)]);
  assert.throws(() => decodeNpy(many, { maxStrings: 99 }), /100 strings are more than the 99 allowed/);
  assert.equal(decodeNpy(many, { maxStrings: 100 }).data.length, 100);
});

test('encodeNpy refuses what NumPy cannot hold', () => {
  const refuseToWrite = (tensor: Tensor, message: RegExp): void =>
    assert.throws(() => encodeNpy(tensor), { reason: 'UNSUPPORTED_TENSOR', message });
  refuseToWrite(createTensor('bfloat16', [1], Uint16Array.of(bfloat16BitsFromNumber(2))), /no type for bfloat16/);
  refuseToWrite(createTensor('int4', [3], Uint8Array.of(1, 2)), /no type for int4/);
  refuseToWrite(createTensor('string', [1], bytesOf('a\0')), /ends in NUL/);
  const wide = [new TextEncoder().encode('x'.repeat(2 ** 20)), ...Array.from({ length: 300 }, () => new Uint8Array(0))];
  refuseToWrite(createTensor('string', [301], wide), /takes more than 1073741824 bytes/);
});

test('encodeNpy writes shapes of every rank so that decodeNpy reads them', () => {
  for (const shape of [[], [4], [1, 4], [2, 1, 2], Array(64).fill(1), [0, 3]]) {
    const elements = shape.reduce((product, dim) => product * dim, 1);
    const tensor = createTensor(
      'float32',
      shape,
      Float32Array.from({ length: elements }, (_, index) => index + 0.5),
    );
    const bytes = encodeNpy(tensor);
    assert.equal((bytes.length - 4 * elements) % 64, 0);
    assert.deepEqual(decodeNpy(bytes), tensor);
  }
  for (const texts of [bytesOf('', ''), bytesOf('\uFEFFwith a byte order mark', '')]) {
    const tensor = createTensor('string', [2], texts);
    assert.deepEqual(decodeNpy(encodeNpy(tensor)), tensor);
  }
});
