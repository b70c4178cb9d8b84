export { type BackupOptions, type BackupSummary, createBackup } from './create-backup.ts';
export { type RestoreOptions, type RestoreSummary, restoreBackup } from './restore-backup.ts';
