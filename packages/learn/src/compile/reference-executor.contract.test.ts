import { executorContract } from '../../../core/src/executor.contract.ts';
import { createReferenceExecutor } from './reference-executor.ts';

executorContract('reference', async () => createReferenceExecutor());
