// The shared ONNX models that the tests of this folder read.
import { readFileSync } from 'node:fs';
import { sharedDataPath } from '../../../../../tools/test-data.ts';

/** All thirteen, paths below the shared data folder. */
export const SHARED_MODELS: readonly string[] = [
  'onnx/logreg_iris.onnx',
  'onnx/magika/model.onnx',
  'onnx/mnist.onnx',
  'onnx/resnet-tiny-beans.onnx',
  'onnx/rf_iris.onnx',
  'onnx/silero_vad.onnx',
  'onnx/tract/lgbm_classifier_tensor.model.onnx',
  'onnx/tract/lgbm_regressor_tensor.model.onnx',
  'onnx/tract/qlstm_3-2-3_T3_S1.model.onnx',
  'onnx/tract/xgboost_classifier_tree.model.onnx',
  'onnx/tract/xgboost_regressor_tree.model.onnx',
  'onnx/ultraface_version-RFB-320.onnx',
  'onnx/yolox_nano.onnx',
];

export function loadSharedModel(relativePath: string): Uint8Array {
  return new Uint8Array(readFileSync(sharedDataPath(relativePath)));
}
