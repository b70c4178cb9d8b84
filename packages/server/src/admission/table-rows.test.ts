import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor } from '@amaas/core';
import { intAttribute, onnxFromTensor, type OnnxNode, tensorValueInfo } from '@amaas/learn/onnx';
import { findTableRows } from './table-rows.ts';

const table = (name: string, rows: number) =>
  onnxFromTensor(name, createTensor('float32', [rows, 2], new Float32Array(rows * 2)));

function rowsOf(...nodes: readonly OnnxNode[]) {
  return findTableRows({
    nodes,
    inputs: [tensorValueInfo('ids', 'int64', ['N', 'T']), tensorValueInfo('x', 'float32', ['N', 2])],
    outputs: [],
    initializers: [table('big', 900), table('small', 7)],
  });
}

test('findTableRows sees ids through what hands them on, and the smallest of the tables they are looked up in', () => {
  const cast = { opType: 'Cast', inputs: ['ids'], outputs: ['as32'] };
  const flat = { opType: 'Reshape', inputs: ['as32', 'shape'], outputs: ['flat'] };
  const lookUp = (name: string, ids: string) => ({ opType: 'Gather', inputs: [name, ids], outputs: [`${name}${ids}`] });
  assert.deepEqual([...rowsOf(lookUp('big', 'ids'))], [['ids', 900]]);
  assert.deepEqual([...rowsOf(cast, flat, lookUp('big', 'flat'))], [['ids', 900]]);
  assert.deepEqual([...rowsOf(lookUp('big', 'ids'), cast, lookUp('small', 'as32'))], [['ids', 7]]);
});

test('findTableRows says nothing where ids are reckoned with, tables are looked up sideways, or nothing is', () => {
  const modulo = { opType: 'Mod', inputs: ['ids', 'seven'], outputs: ['bucket'] };
  const bucket = { opType: 'Gather', inputs: ['small', 'bucket'], outputs: ['rows'] };
  const sideways = {
    opType: 'Gather',
    inputs: ['small', 'ids'],
    outputs: ['s'],
    attributes: [intAttribute('axis', 1)],
  };
  const own = { opType: 'Gather', inputs: ['x', 'ids'], outputs: ['o'] };
  const foreign = { opType: 'Gather', domain: 'com.example', inputs: ['small', 'ids'], outputs: ['f'] };
  for (const nodes of [[modulo, bucket], [sideways], [own], [foreign], []]) assert.equal(rowsOf(...nodes).size, 0);
});
