// Which model is talked to when nobody names one.
import type { ChatModel } from '@amaas/client';
import { UsageError } from '../command-context.ts';

/** Comes with amaas, so that there is someone to talk to on the first day; anyone else's model goes before it. */
const BUNDLED = 'story-teller';
const PRODUCTION = 'production';

/**
 * The only one; else the only one besides the bundled story-teller; else the only one labelled `production`; else the
 * story-teller.
 * @throws UsageError with the names where that leaves several or none
 */
export function chooseModel(models: readonly ChatModel[]): string {
  const own = models.filter(({ name }) => name !== BUNDLED);
  const inProduction = own.filter(({ labels }) => labels.includes(PRODUCTION));
  for (const candidates of [models, own, inProduction, models.filter(({ name }) => name === BUNDLED)]) {
    const [only, second] = candidates;
    if (only !== undefined && second === undefined) return only.name;
  }
  if (models.length === 0) {
    throw new UsageError('the server has no language model: put one into it with amaas deploy model.gguf --name chat');
  }
  throw new UsageError(`say which model: ${models.map(({ name }) => name).join(', ')}`);
}
