export { ConversationFormats } from './conversation-formats.ts';
