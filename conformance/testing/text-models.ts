// Small models over token ids, built with @amaas/learn/onnx, whose answers can be worked out by hand and depend on every
// id, its place, the mask and the type ids; and how they are deployed with their tokenizer beside them.
import { createTensor, type Manifest } from '@amaas/core';
import { intAttribute, onnxFromTensor, tensorValueInfo, writeModel } from '@amaas/learn/onnx';
import type { TestServer } from './running-server.ts';

/** What the table has for an id, in each of its three columns. */
export function tableValue(id: number, column: number): number {
  return Math.fround(Math.sin(id * 1.7 + column * 0.9));
}

export interface MeanModel {
  readonly vocabularySize: number;
  /** T of the graph; a symbol where it is free. */
  readonly tokens: number | string;
  readonly mask?: 'int64' | 'float32' | 'bool';
  readonly typeIds?: boolean;
  /** Takes a mask, but does not look at it: padding counts as tokens. */
  readonly isBlind?: boolean;
}

const COLUMNS = 3;

function scalarOf(name: string, value: number) {
  return onnxFromTensor(name, createTensor('float32', [], Float32Array.of(value)));
}

function axes(name: string, axis: number) {
  return onnxFromTensor(name, createTensor('int64', [1], BigInt64Array.of(BigInt(axis))));
}

/** y = the mean over the tokens that the mask shows of (table[id] + type id) · place, float32 [N,3]; see {@link meanOf}. */
export function meanModel({
  vocabularySize,
  tokens,
  mask,
  typeIds = false,
  isBlind = false,
}: MeanModel): Uint8Array<ArrayBuffer> {
  const table = Float32Array.from({ length: vocabularySize * COLUMNS }, (_, at) =>
    tableValue(Math.floor(at / COLUMNS), at % COLUMNS),
  );
  const shape = ['N', tokens];
  const shown = mask === undefined || isBlind ? 'ones' : 'shown';
  return writeModel({
    irVersion: 8,
    opsetImports: [{ version: 17 }],
    graph: {
      name: 'mean',
      initializers: [
        onnxFromTensor('table', createTensor('float32', [vocabularySize, COLUMNS], table)),
        scalarOf('zero', 0),
        scalarOf('one', 1),
        axes('last', 2),
        axes('second', 1),
        onnxFromTensor('along', createTensor('int64', [], BigInt64Array.of(1n))),
      ],
      nodes: [
        { opType: 'Gather', inputs: ['table', 'ids'], outputs: ['rows'] },
        { opType: 'Cast', inputs: ['ids'], outputs: ['idValues'], attributes: [intAttribute('to', 1)] },
        { opType: 'Mul', inputs: ['idValues', 'zero'], outputs: ['zeros'] },
        { opType: 'Add', inputs: ['zeros', 'one'], outputs: ['ones'] },
        { opType: 'CumSum', inputs: ['ones', 'along'], outputs: ['places'] },
        ...(mask === undefined
          ? []
          : [{ opType: 'Cast', inputs: ['mask'], outputs: ['shown'], attributes: [intAttribute('to', 1)] }]),
        ...(typeIds
          ? [
              { opType: 'Cast', inputs: ['types'], outputs: ['typeValues'], attributes: [intAttribute('to', 1)] },
              { opType: 'Unsqueeze', inputs: ['typeValues', 'last'], outputs: ['typeColumn'] },
              { opType: 'Add', inputs: ['rows', 'typeColumn'], outputs: ['typed'] },
            ]
          : [{ opType: 'Identity', inputs: ['rows'], outputs: ['typed'] }]),
        { opType: 'Mul', inputs: ['places', shown], outputs: ['weights'] },
        { opType: 'Unsqueeze', inputs: ['weights', 'last'], outputs: ['column'] },
        { opType: 'Mul', inputs: ['typed', 'column'], outputs: ['weighted'] },
        {
          opType: 'ReduceSum',
          inputs: ['weighted', 'second'],
          outputs: ['sum'],
          attributes: [intAttribute('keepdims', 0)],
        },
        {
          opType: 'ReduceSum',
          inputs: [shown, 'second'],
          outputs: ['some'],
          attributes: [intAttribute('keepdims', 1)],
        },
        { opType: 'Max', inputs: ['some', 'one'], outputs: ['count'] },
        { opType: 'Div', inputs: ['sum', 'count'], outputs: ['y'] },
      ],
      inputs: [
        tensorValueInfo('ids', 'int64', shape),
        ...(mask === undefined ? [] : [tensorValueInfo('mask', mask, shape)]),
        ...(typeIds ? [tensorValueInfo('types', 'int64', shape)] : []),
      ],
      outputs: [tensorValueInfo('y', 'float32', ['N', COLUMNS])],
    },
  });
}

/** What {@link meanModel} answers for a row, padding included where it has no mask. */
export function meanOf(
  ids: readonly number[],
  options: { shown?: number; typeIds?: readonly number[] } = {},
): number[] {
  const { shown = ids.length, typeIds = [] } = options;
  return Array.from({ length: COLUMNS }, (_, column) => {
    let sum = 0;
    for (const [at, id] of ids.slice(0, shown).entries())
      sum += (tableValue(id, column) + (typeIds[at] ?? 0)) * (at + 1);
    return sum / Math.max(1, shown);
  });
}

/** reply = ids, int64 [N,T], and count = the tokens that are not 0, int64 [N]. */
export function echoIdsModel(tokens: number | string): Uint8Array<ArrayBuffer> {
  return writeModel({
    irVersion: 8,
    opsetImports: [{ version: 17 }],
    graph: {
      name: 'echo',
      initializers: [axes('second', 1)],
      nodes: [
        { opType: 'Identity', inputs: ['ids'], outputs: ['reply'] },
        { opType: 'Sign', inputs: ['ids'], outputs: ['signs'] },
        {
          opType: 'ReduceSum',
          inputs: ['signs', 'second'],
          outputs: ['count'],
          attributes: [intAttribute('keepdims', 0)],
        },
      ],
      inputs: [tensorValueInfo('ids', 'int64', ['N', tokens])],
      outputs: [tensorValueInfo('reply', 'int64', ['N', tokens]), tensorValueInfo('count', 'int64', ['N'])],
    },
  });
}

/** Deploys files under a name; the reply as it came. */
export async function deployFiles(
  server: TestServer,
  model: string,
  files: Readonly<Record<string, Uint8Array | string | Manifest>>,
): Promise<{ readonly status: number; readonly text: string }> {
  const listed: object[] = [];
  for (const [path, contents] of Object.entries(files)) {
    const bytes =
      contents instanceof Uint8Array
        ? Uint8Array.from(contents)
        : new TextEncoder().encode(typeof contents === 'string' ? contents : JSON.stringify(contents));
    const hash = Buffer.from(await crypto.subtle.digest('SHA-256', bytes)).toString('hex');
    const digest = `sha256:${hash}`;
    const put = await server.request(`/admin/v1/blobs/${digest}`, { method: 'PUT', body: bytes });
    if (!put.ok) throw new Error(`upload of ${path}: ${put.status} ${await put.text()}`);
    listed.push({ path, digest });
  }
  const reply = await server.request(`/admin/v1/models/${model}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ files: listed }),
  });
  return { status: reply.status, text: await reply.text() };
}
