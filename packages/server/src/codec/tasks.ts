// The conversions worth a thread of their own, because their time grows with the body: named, so that a message can ask
// for one. Arguments and results are structured-clonable.
import type { NamedTensors, Signature } from '@amaas/core';
import {
  type DecodedInferRequest,
  decodeInferRequest,
  type EncodedReply,
  encodeInferReply,
  type InferReplyParts,
} from '@amaas/protocols/oip';
import {
  decodeExamples,
  decodePredict,
  encodeClassify,
  encodePredict,
  encodeRegress,
  type ExamplesRequest,
  type PredictFormat,
  type PredictRequest,
} from '@amaas/protocols/tfs';

/** Every task: its arguments and its result. */
export interface CodecTasks {
  readonly decodeOip: {
    readonly args: { readonly body: Uint8Array; readonly headerLength: number | null; readonly model: string };
    readonly result: DecodedInferRequest;
  };
  readonly encodeOip: { readonly args: InferReplyParts; readonly result: EncodedReply };
  readonly decodeTfs: {
    readonly args: { readonly body: Uint8Array; readonly signatures: ReadonlyMap<string, Signature> };
    readonly result: PredictRequest;
  };
  readonly encodeTfs: {
    readonly args: { readonly outputs: NamedTensors; readonly format: PredictFormat };
    readonly result: readonly Uint8Array[];
  };
  readonly decodeTfsExamples: {
    readonly args: {
      readonly method: 'classify' | 'regress';
      readonly body: Uint8Array;
      readonly signatures: ReadonlyMap<string, Signature>;
    };
    readonly result: ExamplesRequest;
  };
  readonly encodeTfsExamples: {
    readonly args: {
      readonly method: 'classify' | 'regress';
      readonly outputs: NamedTensors;
      readonly classNames: readonly string[] | null;
    };
    readonly result: readonly Uint8Array[];
  };
}

export type CodecTaskName = keyof CodecTasks;

/** The tasks themselves; the server runs small ones directly. */
export const CODEC_TASKS: {
  readonly [Name in CodecTaskName]: (args: CodecTasks[Name]['args']) => CodecTasks[Name]['result'];
} = {
  decodeOip: ({ body, headerLength, model }) => decodeInferRequest(body, headerLength, model),
  encodeOip: (parts) => encodeInferReply(parts),
  decodeTfs: ({ body, signatures }) => decodePredict(body, signatures),
  encodeTfs: ({ outputs, format }) => encodePredict(outputs, format),
  decodeTfsExamples: ({ method, body, signatures }) => decodeExamples(method, body, signatures),
  encodeTfsExamples: ({ method, outputs, classNames }) =>
    method === 'classify' ? encodeClassify(outputs, classNames) : encodeRegress(outputs),
};
