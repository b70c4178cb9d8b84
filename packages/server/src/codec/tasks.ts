// The conversions worth a thread of their own, because their time grows with the body: named, so that a message can ask
// for one. Arguments and results are structured-clonable.
import type { NamedTensors, Signature } from '@amaas/core';
import {
  createInferDecoder,
  type DecodedInferRequest,
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
  type StringInputs,
} from '@amaas/protocols/tfs';

/** Every task: its arguments and its result. */
export interface CodecTasks {
  readonly decodeOip: {
    readonly args: { readonly body: Uint8Array; readonly headerLength: number | null; readonly model: string };
    readonly result: DecodedInferRequest;
  };
  readonly encodeOip: { readonly args: InferReplyParts; readonly result: EncodedReply };
  readonly decodeTfs: {
    readonly args: {
      readonly body: Uint8Array;
      readonly signatures: ReadonlyMap<string, Signature>;
      readonly stringInputs: StringInputs;
    };
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

/** A function for every task. */
export type CodecTaskTable = {
  readonly [Name in CodecTaskName]: (args: CodecTasks[Name]['args']) => CodecTasks[Name]['result'];
};

/** The tasks themselves, for one thread: it remembers the headers it has seen. */
export function createCodecTasks(): CodecTaskTable {
  const decodeInferRequest = createInferDecoder();
  return {
    decodeOip: ({ body, headerLength, model }) => decodeInferRequest(body, headerLength, model),
    encodeOip: (parts) => encodeInferReply(parts),
    decodeTfs: ({ body, signatures, stringInputs }) => decodePredict(body, signatures, stringInputs),
    encodeTfs: ({ outputs, format }) => encodePredict(outputs, format),
    decodeTfsExamples: ({ method, body, signatures }) => decodeExamples(method, body, signatures),
    encodeTfsExamples: ({ method, outputs, classNames }) =>
      method === 'classify' ? encodeClassify(outputs, classNames) : encodeRegress(outputs),
  };
}
