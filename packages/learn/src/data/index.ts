export {};
export * from './media/index.ts';
