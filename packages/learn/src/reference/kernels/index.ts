// Kernels by operator name, one file per family as in `graph/operations`.
import type { Kernel } from '../kernel.ts';
import { ACTIVATION_KERNELS } from './activations.ts';
import { ARITHMETIC_KERNELS } from './arithmetic.ts';
import { ELEMENT_KERNELS } from './elements.ts';
import { MATRIX_KERNELS } from './matrix.ts';
import { NORMALIZATION_KERNELS } from './normalization.ts';
import { RECURRENT_KERNELS } from './recurrent.ts';
import { REDUCTION_KERNELS } from './reduction.ts';
import { SCAN_KERNELS } from './scan.ts';
import { SELECTION_KERNELS } from './selection.ts';
import { SHAPING_KERNELS } from './shaping.ts';
import { TEXT_KERNELS } from './text.ts';
import { WINDOW_KERNELS } from './windows.ts';

export const KERNELS: ReadonlyMap<string, Kernel> = new Map([
  ...ARITHMETIC_KERNELS,
  ...ACTIVATION_KERNELS,
  ...WINDOW_KERNELS,
  ...NORMALIZATION_KERNELS,
  ...SHAPING_KERNELS,
  ...RECURRENT_KERNELS,
  ...REDUCTION_KERNELS,
  ...MATRIX_KERNELS,
  ...SELECTION_KERNELS,
  ...ELEMENT_KERNELS,
  ...SCAN_KERNELS,
  ...TEXT_KERNELS,
]);
