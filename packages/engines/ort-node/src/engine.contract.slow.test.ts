import { describeEngineContract } from './engine.contract.ts';

describeEngineContract('process');
