// Tables in memory.
export * from './column.ts';
export * from './create.ts';
export * from './rows.ts';
