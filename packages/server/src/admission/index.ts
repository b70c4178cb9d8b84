export { Admission, type AdmissionParts, type AdmissionRequest } from './admission.ts';
export { FolderSync, type FolderSyncParts } from './folder-sync.ts';
export { machineIdentity } from './quarantine.ts';
