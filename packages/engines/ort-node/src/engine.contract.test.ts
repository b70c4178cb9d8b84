import { describeEngineContract } from './engine.contract.ts';

describeEngineContract('inline');
describeEngineContract('thread');
