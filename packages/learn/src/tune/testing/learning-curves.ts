// A family of learning curves with known ends: what schedulers are measured on. A better arm is not always ahead: each
// curve falls to its own floor at its own speed, with noise that equal seeds repeat.
import { createRandom } from '../../statistics/index.ts';

export interface LearningCurve {
  readonly floor: number;
  /** Loss after `epoch` epochs; noise included. @param epoch - 1, 2 … */
  lossAt(epoch: number): number;
}

/** @param count - arms; their floors lie between 0.1 and 0.9. */
export function createLearningCurves(count: number, seed: string): readonly LearningCurve[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, arm) => {
    const floor = 0.1 + 0.8 * random.uniform();
    const halfLife = 1 + 4 * random.uniform();
    const noise = random.fork('noise', arm);
    return {
      floor,
      lossAt: (epoch) => floor + 2 ** (-epoch / halfLife) + 0.01 * noise.fork(epoch).normal(),
    };
  });
}
