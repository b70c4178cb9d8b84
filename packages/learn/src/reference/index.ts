// Evaluates graphs in float64, in plain TypeScript: the oracle for everything that runs on ONNX Runtime.
export {
  arrayFromTensor,
  isText,
  type NumericArray,
  numbersOf,
  type ReferenceArray,
  tensorFromArray,
  type TextArray,
} from './array.ts';
export { evaluate } from './evaluate.ts';
