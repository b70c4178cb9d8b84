// Puts together what texts take when the first version that declares any arrives: most servers never see one.
import type { Clock, Manifest } from '@amaas/core';
import type { TextStepsProvider } from '../dataplane/index.ts';

/** Tokenizers stay this long after their last use: longer than the way from admission to being served. */
const LINGER_MS = 30_000;
/** The worst text of the greatest length takes 2 s on a machine that does nothing else. */
const MAX_TASK_MS = 60_000;

export interface DisposableTexts extends TextStepsProvider {
  /** Ends the threads. */
  dispose(): Promise<void>;
}

export function createTexts(clock: Clock): DisposableTexts {
  let building: ReturnType<typeof build> | null = null;
  return {
    async open(subject) {
      if (!declaresTexts(subject.manifest)) return null;
      building ??= build(clock);
      return (await building).steps.open(subject);
    },
    async dispose() {
      await (await building)?.tokenizers.dispose();
    },
  };
}

async function build(clock: Clock) {
  const { ManifestTexts, TokenizerThreads } = await import('../preprocess/index.ts');
  const tokenizers = new TokenizerThreads({ clock, lingerMs: LINGER_MS, maxTaskMs: MAX_TASK_MS });
  return { tokenizers, steps: new ManifestTexts({ tokenizers, clock }) };
}

function declaresTexts({ preprocess = {}, postprocess = {} }: Manifest): boolean {
  return Object.keys(postprocess).length > 0 || Object.values(preprocess).some(({ kind }) => kind === 'tokens');
}
