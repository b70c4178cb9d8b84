// OpenAI's Responses: items in, items out, and the events by which an answer comes about.
// Source: OpenAI's API reference, "Responses" and "Responses streaming".
export { encodeSseEvent as responseEventText } from '../answers/index.ts';
export { inResponsesNames } from './caller-names.ts';
export { decodeResponsesRequest, type ResponsesRequest } from './decode-request.ts';
export { type ItemIds, itemsOfInput, messagesOfItems } from './items.ts';
export { type ResponseEvent, ResponseWriter, type WriterSettings } from './response-writer.ts';
