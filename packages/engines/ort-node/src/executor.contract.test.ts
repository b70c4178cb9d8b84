import { executorContract } from '../../../core/src/executor.contract.ts';
import { createOrtNodeExecutor } from './executor.ts';

executorContract('onnxruntime-node', createOrtNodeExecutor);
executorContract('onnxruntime-node with one thread', () => createOrtNodeExecutor({ threads: 1 }));
