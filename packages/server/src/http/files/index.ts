export { createFilesFamily, type FilesFamilyParts } from './files-family.ts';
