export * from './check.ts';
export * from './errors.ts';
export * from './pull-schemas.ts';
export * from './schemas.ts';
export * from './training-schemas.ts';
