// Pictures that callers send in place of a pixel tensor, turned into that tensor by the steps the manifest declares.
// Decoding is a port (sharp's threads, in the composition root); what it may cost is decided here, before it begins.
import { AmaasError, byteSize, type Cancellation, type Clock, elementCount, formatShape } from '@amaas/core';
import type { ImagePreprocess, Tensor, TensorOf, TensorSpec } from '@amaas/core';
import { isPixelDType, PIXEL_DTYPES, type PixelDType, type Pixels, PixelWriter } from '@amaas/learn/data';
import type { InputPreparer, PreparedInputs, PreparationRequest } from '../dataplane/index.ts';
import { pictureBytes } from './picture-bytes.ts';
import { Turnstile } from './turnstile.ts';

/** Decodes one picture off the calling thread. @throws INVALID_ARGUMENT, REQUEST_TOO_LARGE, ENGINE_MISSING, CANCELLED */
export type DecodePicture = (
  bytes: Uint8Array,
  preprocess: ImagePreprocess,
  options: { readonly name: string; readonly maxPixels: number; readonly signal?: Cancellation },
) => Promise<Pixels>;

export interface PicturePreparerParts {
  readonly decode: DecodePicture;
  readonly clock: Clock;
  /** Pictures decoded at once. */
  readonly parallelDecodes: number;
  /** What the pictures of one request may become in all; a single picture always may be what the model takes. */
  readonly maxTensorBytes: number;
}

/** A photograph of a large camera has 60 million pixels; decoded, 100 million take up to 400 MB for a moment. */
const MAX_PIXELS = 100e6;
/** Pixel tensors alive at once, in requests of the largest size: a small JPEG may become a thousand times its bytes. */
const TENSORS_AT_ONCE = 4;
/** Requests that wait for room; as many as a model's own queue holds by default. */
const MAX_WAITING = 1024;

export class PicturePreparer implements InputPreparer {
  readonly #parts: PicturePreparerParts;
  readonly #memory: Turnstile;
  readonly #decoders: Turnstile;

  constructor(parts: PicturePreparerParts) {
    this.#parts = parts;
    const what = 'image';
    this.#memory = new Turnstile({
      what,
      capacity: parts.maxTensorBytes * TENSORS_AT_ONCE,
      maxWaiting: MAX_WAITING,
    });
    // Its line is as long as the pictures of the requests that have room.
    this.#decoders = new Turnstile({ what, capacity: parts.parallelDecodes, maxWaiting: Number.POSITIVE_INFINITY });
  }

  /**
   * Replaces every picture among the inputs; the others stay as they are.
   * @throws INPUT_MISMATCH for a shape that is no list of pictures, INVALID_ARGUMENT for what is no picture, REQUEST_TOO_LARGE,
   *   INVALID_CONFIG where the manifest does not fit the model, QUEUE_FULL, CANCELLED, ENGINE_MISSING.
   */
  async prepare(request: PreparationRequest): Promise<PreparedInputs> {
    const { clock, maxTensorBytes } = this.#parts;
    const startedMs = clock.nowMs();
    const plans = planAll(request);
    const total = plans.reduce((sum, plan) => sum + plan.tensorBytes, 0);
    if (total > maxTensorBytes && plans.some((plan) => plan.pictures.length > 1)) {
      throw new AmaasError(
        'REQUEST_TOO_LARGE',
        `image: the pictures for model "${request.model}" become ${total} bytes of pixels; at most ${maxTensorBytes} are allowed in one request`,
      );
    }
    const release = await this.#memory.acquire(total, request.signal);
    try {
      const inputs = new Map(request.inputs);
      await Promise.all(plans.map(async (plan) => inputs.set(plan.name, await this.#decodeAll(plan, request.signal))));
      return { inputs, elapsedMs: clock.nowMs() - startedMs, release };
    } catch (thrown) {
      release();
      throw thrown;
    }
  }

  async #decodeAll(plan: Plan, signal: Cancellation | undefined): Promise<Tensor> {
    const { preprocess, pictures } = plan;
    const { width, height } = preprocess;
    const size = { count: pictures.length, width, height, channels: channelsOf(preprocess) } as const;
    const writer = new PixelWriter(size, preprocess, plan.dtype);
    let hasFailed = false;
    const results = await Promise.allSettled(
      pictures.map(async (bytes, index) => {
        const release = await this.#decoders.acquire(1, signal);
        try {
          if (hasFailed) return; // the first failure is the answer: the others need not be decoded
          const name = nameOf(plan, index);
          const options = { name, maxPixels: MAX_PIXELS, ...(signal === undefined ? {} : { signal }) };
          writer.put(index, await this.#parts.decode(pictureBytes(bytes), preprocess, options));
        } catch (thrown) {
          hasFailed = true;
          throw thrown;
        } finally {
          release();
        }
      }),
    );
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
    return writer.tensor;
  }
}

/** What is to be decoded for one input. */
interface Plan {
  readonly name: string;
  readonly model: string;
  readonly preprocess: ImagePreprocess;
  readonly dtype: PixelDType;
  readonly pictures: readonly Uint8Array[];
  readonly tensorBytes: number;
}

function planAll({ model, specs, preprocess, inputs }: PreparationRequest): readonly Plan[] {
  const plans: Plan[] = [];
  for (const spec of specs) {
    const declared = preprocess.get(spec.name);
    const tensor = inputs.get(spec.name);
    if (declared === undefined || tensor?.dtype !== 'string' || spec.dtype === 'string') continue;
    plans.push(planOne(model, spec, { declared, tensor }));
  }
  return plans;
}

function planOne(
  model: string,
  spec: TensorSpec,
  { declared, tensor }: { readonly declared: ImagePreprocess; readonly tensor: TensorOf<'string'> },
): Plan {
  const { name, dtype } = spec;
  const { shape, data: pictures } = tensor;
  if (!isPixelDType(dtype)) {
    throw new AmaasError(
      'INVALID_CONFIG',
      `image: the manifest of model "${model}" declares pictures for input "${name}", which is ${dtype}; pictures become ${PIXEL_DTYPES.join(', ')}`,
    );
  }
  const isList = shape.length <= 1 || (shape.length === 2 && shape[1] === 1);
  if (!isList || pictures.length === 0 || pictures.length !== elementCount(shape)) {
    throw new AmaasError(
      'INPUT_MISMATCH',
      `image: pictures for input "${name}" of model "${model}" must have shape [N] with N ≥ 1, got ${formatShape(shape)}`,
      { details: { model, input: name } },
    );
  }
  const pixels = pictures.length * declared.width * declared.height * channelsOf(declared);
  return { name, model, preprocess: declared, dtype, pictures, tensorBytes: byteSize(dtype, pixels) };
}

function nameOf({ name, pictures }: Plan, index: number): string {
  const which = pictures.length === 1 ? 'the picture' : `picture ${index} of ${pictures.length}`;
  return `${which} for input "${name}"`;
}

function channelsOf(preprocess: ImagePreprocess): 1 | 3 {
  return preprocess.channels === 'gray' ? 1 : 3;
}
