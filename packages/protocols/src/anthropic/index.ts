// Anthropic's Messages: JSON to calls, answers and streams of events to JSON and SSE, errors to bodies. No sockets, no
// models, no clock: ids are given.
export {
  type CountTokensRequest,
  decodeCountTokensRequest,
  decodeMessagesRequest,
  type MessagesRequest,
} from './decode-request.ts';
export { encodeMessage, type MessageIdentity } from './encode-message.ts';
export { encodeMessageStream } from './encode-stream.ts';
export { ANTHROPIC_STATUS, type AnthropicErrorReply, encodeAnthropicError, encodeErrorEvent } from './errors.ts';
