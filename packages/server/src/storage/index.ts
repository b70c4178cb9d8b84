export { type DataDirLayout, dataDirLayout } from './data-dir.ts';
export { type DataDirLock, lockDataDir } from './data-dir-lock.ts';
export { type Database, type DatabaseOptions, openDatabase } from './database.ts';
export { assertSchemaKnown, LATEST_STEP, SCHEMA_VERSION, type SchemaStep } from './migrate.ts';
export { type DialectName, OPEN_BATCHES, type Schema } from './schema.ts';
export { copyDatabase, type DatabaseContents, readDatabase } from './snapshot.ts';
