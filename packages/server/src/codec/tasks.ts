// The conversions worth a thread of their own, because their time grows with the body: named, so that a message can ask
// for one. Arguments and results are structured-clonable.
import {
  type DecodedInferRequest,
  decodeInferRequest,
  type EncodedReply,
  encodeInferReply,
  type InferReplyParts,
} from '@amaas/protocols/oip';

/** Every task: its arguments and its result. */
export interface CodecTasks {
  readonly decodeOip: {
    readonly args: { readonly body: Uint8Array; readonly headerLength: number | null; readonly model: string };
    readonly result: DecodedInferRequest;
  };
  readonly encodeOip: { readonly args: InferReplyParts; readonly result: EncodedReply };
}

export type CodecTaskName = keyof CodecTasks;

/** The tasks themselves; the server runs small ones directly. */
export const CODEC_TASKS: {
  readonly [Name in CodecTaskName]: (args: CodecTasks[Name]['args']) => CodecTasks[Name]['result'];
} = {
  decodeOip: ({ body, headerLength, model }) => decodeInferRequest(body, headerLength, model),
  encodeOip: (parts) => encodeInferReply(parts),
};
