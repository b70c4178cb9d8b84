// Standard functions that searches are measured on, all to be minimised.
// Source: Dixon and Szegő 1978 (Branin, Hartmann), Rastrigin 1974, as tabulated by Surjanovic and Bingham.
import { type Configuration, parseSearchSpace, type SearchSpace } from '../index.ts';

export interface TestObjective {
  readonly name: string;
  readonly space: SearchSpace;
  readonly minimum: number;
  evaluate(configuration: Configuration): number;
}

const unitInterval = { uniform: [0, 1] };

function numberOf(configuration: Configuration, name: string): number {
  return Number(configuration.get(name));
}

export const branin: TestObjective = {
  name: 'Branin',
  space: parseSearchSpace({ x: { uniform: [-5, 10] }, y: { uniform: [0, 15] } }),
  minimum: 0.397887,
  evaluate(configuration) {
    const x = numberOf(configuration, 'x');
    const y = numberOf(configuration, 'y');
    const quadratic = y - (5.1 / (4 * Math.PI ** 2)) * x ** 2 + (5 / Math.PI) * x - 6;
    return quadratic ** 2 + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(x) + 10;
  },
};

const HARTMANN_ALPHA = [1, 1.2, 3, 3.2];
const HARTMANN_A = [
  [10, 3, 17, 3.5, 1.7, 8],
  [0.05, 10, 17, 0.1, 8, 14],
  [3, 3.5, 1.7, 10, 17, 8],
  [17, 8, 0.05, 10, 0.1, 14],
];
const HARTMANN_P = [
  [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
  [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
  [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665],
  [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
];

export const hartmann6: TestObjective = {
  name: 'Hartmann-6',
  space: parseSearchSpace({
    a: unitInterval,
    b: unitInterval,
    c: unitInterval,
    d: unitInterval,
    e: unitInterval,
    f: unitInterval,
  }),
  minimum: -3.32237,
  evaluate(configuration) {
    const x = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => numberOf(configuration, name));
    return -HARTMANN_ALPHA.reduce((sum, alpha, i) => {
      const exponent = x.reduce((s, xj, j) => s + (HARTMANN_A[i]?.[j] ?? 0) * (xj - (HARTMANN_P[i]?.[j] ?? 0)) ** 2, 0);
      return sum + alpha * Math.exp(-exponent);
    }, 0);
  },
};

/** Rastrigin over two continuous, one stepped, one whole and one categorical coordinate. */
export const mixedRastrigin: TestObjective = {
  name: 'mixed Rastrigin',
  space: parseSearchSpace({
    x: { uniform: [-5.12, 5.12] },
    y: { uniform: [-5.12, 5.12] },
    step: { uniform: [-5, 5], step: 0.5 },
    whole: { integer: [-5, 5] },
    letter: { choice: ['e', 'c', 'a', 'd', 'b'] },
  }),
  minimum: 0,
  evaluate(configuration) {
    const letter = ['a', 'b', 'c', 'd', 'e'].indexOf(String(configuration.get('letter')));
    const terms = ['x', 'y', 'step', 'whole'].map((name) => numberOf(configuration, name));
    return [...terms, letter].reduce((sum, x) => sum + x ** 2 - 10 * Math.cos(2 * Math.PI * x) + 10, 0);
  },
};

/** A tree: which branch, then parameters that only this branch has, on a logarithmic and on a whole scale. */
export const conditional: TestObjective = {
  name: 'conditional',
  space: parseSearchSpace({
    model: { choice: ['linear', 'network', 'trees'] },
    learningRate: { logUniform: [1e-5, 1], when: { model: 'network' } },
    layers: { integer: [1, 6], when: { model: 'network' } },
    dropout: { uniform: [0, 0.8], when: { layers: [3, 4, 5, 6] } },
    depth: { integer: [1, 20], when: { model: 'trees' } },
    shrinkage: { logUniform: [1e-3, 1], when: { model: 'trees' } },
    penalty: { logUniform: [1e-6, 1e2] },
  }),
  minimum: 0,
  evaluate(configuration) {
    const penalty = 0.02 * (Math.log10(numberOf(configuration, 'penalty')) + 3) ** 2;
    switch (configuration.get('model')) {
      case 'linear':
        return 0.6 + penalty;
      case 'trees':
        return (
          0.25 +
          0.01 * Math.abs(numberOf(configuration, 'depth') - 6) +
          0.1 * (Math.log10(numberOf(configuration, 'shrinkage')) + 1) ** 2 +
          penalty
        );
      default: {
        const layers = numberOf(configuration, 'layers');
        const dropout = layers >= 3 ? (numberOf(configuration, 'dropout') - 0.3) ** 2 : 0.2;
        const rate = 0.15 * (Math.log10(numberOf(configuration, 'learningRate')) + 2.5) ** 2;
        return 0.03 * Math.abs(layers - 4) + dropout + rate + penalty;
      }
    }
  },
};

export const OBJECTIVES: readonly TestObjective[] = [branin, hartmann6, mixedRastrigin, conditional];
