// What protocols have in common when they write answers: how pieces stand in a stream, an answer put together from its events.
// Which words a protocol has for it stays with the protocol.
export { encodeLine, encodeSse, encodeSseEvent } from './stream-text.ts';
export { shortenVectors } from './shorten-vectors.ts';
export { collectAnswer, type WholeAnswer } from './whole-answer.ts';
