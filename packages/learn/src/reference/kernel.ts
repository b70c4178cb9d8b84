// What a kernel is given and gives back.
import type { Body, Node } from '../graph/index.ts';
import type { ReferenceArray } from './array.ts';

/** What computes one operation. Bodies of loops are evaluated through `evaluateBody`. */
export type Kernel = (context: KernelContext) => readonly ReferenceArray[];

export interface KernelContext {
  readonly node: Node;
  readonly inputs: readonly ReferenceArray[];
  evaluateBody(body: Body, inputs: readonly ReferenceArray[]): readonly ReferenceArray[];
}
