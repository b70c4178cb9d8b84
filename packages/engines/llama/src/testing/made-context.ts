// A context that computes nothing: its vector of a batch says which tokens were in it and where they began, so that a test
// sees what was computed when.
import type { BoundContext } from '../binding.ts';

export interface MadeContext {
  readonly context: BoundContext;
  /** What was done, in order: `decode 0+3` for three tokens from position 0, `forget`, `dispose`. */
  readonly log: string[];
}

export function createMadeContext(onDecode: () => Promise<void> = () => Promise.resolve()): MadeContext {
  const log: string[] = [];
  let batch: { readonly from: number; readonly tokens: readonly number[] } = { from: 0, tokens: [] };
  const refuse = (): never => {
    throw new Error('a made-up context does not do that');
  };
  const context: BoundContext = {
    init: () => Promise.resolve(true),
    async dispose() {
      log.push('dispose');
    },
    getContextSize: () => 0,
    setThreads() {},
    setLoras() {},
    initBatch() {},
    addToBatch(_sequence, from, tokens, wanted) {
      batch = { from, tokens: [...tokens] };
      return wanted;
    },
    async decodeBatch() {
      log.push(`decode ${batch.from}+${batch.tokens.length}`);
      await onDecode();
    },
    getEmbedding: () =>
      Float64Array.of(batch.tokens.reduce((sum, token) => sum + token, 0) / batch.tokens.length, batch.from),
    sampleToken: refuse,
    removeTokenCellsFromSequence() {
      log.push('forget');
      return true;
    },
    copySequenceStateFromOtherSequence: refuse,
  };
  return { context, log };
}
