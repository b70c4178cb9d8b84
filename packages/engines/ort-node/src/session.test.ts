import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanOrtText } from './session.ts';

test('cleanOrtText keeps what is wrong and drops where ONNX Runtime was built and where the model lies', () => {
  const path = '/srv/data/models/a/model.onnx';
  const cases: readonly (readonly [string, string])[] = [
    [`Load model from ${path} failed:Protobuf parsing failed.`, 'Protobuf parsing failed.'],
    [
      `Load model from ${path} failed:Load model ${path} failed. File doesn't exist`,
      "Load model model.onnx failed. File doesn't exist",
    ],
    [
      'Exception during initialization: /onnxruntime_src/onnxruntime/core/optimizer/initializer.cc:51 onnxruntime::Initializer::Initializer(const onnx::TensorProto&, const std::filesystem::__cxx11::path&) [ONNXRuntimeError] : 1 : FAIL : tensorprotoutils.cc:1763 GetExtDataFromTensorProto External initializer: w is too short.',
      'External initializer: w is too short.',
    ],
    [
      "Non-zero status code returned while running Mul node. Name:'' Status Message: /onnxruntime_src/include/onnxruntime/core/framework/op_kernel_context.h:42 const T* onnxruntime::OpKernelContext::Input(int) const [with T = onnxruntime::Tensor] Missing Input: x\n",
      "Non-zero status code returned while running Mul node. Name:'' Status Message: Missing Input: x",
    ],
    [
      'External data path escapes model directory. External data path: "../w.bin" resolved path: "/srv/data/models/w.bin" allowed directory: "/srv/data/models/a"',
      'External data path escapes model directory. External data path: "../w.bin" resolved path: "w.bin" allowed directory: "a"',
    ],
    [
      '/onnxruntime_src/onnxruntime/core/providers/webgpu/webgpu_context.cc:136 onnxruntime::webgpu::WebGpuContext::Initialize(const onnxruntime::webgpu::WebGpuContextConfig&)::<lambda()> status == Success was false. No adapter',
      'status == Success was false. No adapter',
    ],
  ];
  for (const [raw, clean] of cases) assert.equal(cleanOrtText(new Error(raw), path), clean);
});
