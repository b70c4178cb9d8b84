export { CodecPool, type CodecPoolOptions } from './codec-pool.ts';
export type { CodecTaskName, CodecTasks } from './tasks.ts';
