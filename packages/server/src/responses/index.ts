export { type StoredResponse, ResponseStore } from './response-store.ts';
