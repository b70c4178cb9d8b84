// Which requests may share a run: those whose tensors agree in everything but the number of rows.
import type { Dim, NamedTensors, TensorSpec } from '@amaas/core';
import { hasWholeByteRows } from './join.ts';

/** An input of which not everything is fixed by the signature; `axes` null where rank or presence vary as well. */
interface VaryingInput {
  readonly name: string;
  readonly axes: readonly number[] | null;
}

/** Computes group keys for one model. Fixed dims need no look: the signature check has compared them. */
export class GroupKeys {
  readonly #varying: readonly VaryingInput[];
  #loners = 0;

  constructor(inputs: readonly TensorSpec[]) {
    this.#varying = inputs.flatMap((spec): VaryingInput[] => {
      if (spec.shape === null || spec.optional) return [{ name: spec.name, axes: null }];
      const axes = spec.shape.flatMap((dim: Dim, axis) => (axis > 0 && typeof dim !== 'number' ? [axis] : []));
      return axes.length === 0 ? [] : [{ name: spec.name, axes }];
    });
  }

  /** Requests with equal keys can be joined. A key of its own for a request that must run alone. */
  keyOf(inputs: NamedTensors, outputs: readonly string[] | undefined): string {
    let rows: number | undefined;
    for (const tensor of inputs.values()) {
      rows ??= tensor.shape[0];
      // Rank 0, row counts that disagree between inputs, elements that share a byte: there are no rows to cut apart.
      if (rows === undefined || tensor.shape[0] !== rows || !hasWholeByteRows(tensor.dtype))
        return `alone${this.#loners++}`;
    }
    if (this.#varying.length === 0 && outputs === undefined) return '';
    let key = outputs === undefined ? '' : JSON.stringify(outputs);
    for (const { name, axes } of this.#varying) {
      const shape = inputs.get(name)?.shape;
      if (shape === undefined) key += '|absent';
      else key += axes === null ? `|${shape.slice(1).join('x')}` : `|${axes.map((axis) => shape[axis]).join('x')}`;
    }
    return key;
  }
}
