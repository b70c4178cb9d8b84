export { chooseModel } from './choose-model.ts';
export { Conversation } from './conversation.ts';
export { chatInteractively } from './interactive.ts';
export { askOnce } from './once.ts';
export { TerminalLines } from './read-input.ts';
