export { createModerationsFamily, type ModerationsParts } from './moderations-family.ts';
