// What a caller asks for who wants a model fine-tuned, in OpenAI's form with two fields of our own: `lora` and `full` among the
// hyperparameters. What is not done here is refused by name.
// Source: OpenAI API specification 2.3.0, /v1/fine_tuning/jobs.
import { Fields, unsupported } from '../fields/index.ts';

/** `auto`: chosen from the number of examples. */
export type Automatic = number | 'auto';

export interface Hyperparameters {
  /** Passes over the examples. */
  readonly epochs: Automatic;
  /** Examples of one update. */
  readonly batchSize: Automatic;
  readonly learningRateMultiplier: Automatic;
  /** Thin kernels beside those of the model; null: all weights are trained. */
  readonly lora: { readonly rank: number; readonly alpha: number } | null;
}

export interface FineTuningRequest {
  readonly model: string;
  /** Id of a file, or `dataset:name@version`. */
  readonly trainingFile: string;
  readonly validationFile: string | null;
  /** Part of the new model's name. */
  readonly suffix: string | null;
  /** Null: the server chooses. */
  readonly seed: number | null;
  readonly hyperparameters: Hyperparameters;
  /** The caller's own, in the order given. */
  readonly metadata: readonly (readonly [name: string, value: string])[];
}

const MAX_EPOCHS = 1000;
const MAX_BATCH_SIZE = 4096;
const MULTIPLIER = { min: 1e-6, max: 1000 };
const MAX_RANK = 1024;
const DEFAULT_RANK = 8;
const MAX_SEED = 2 ** 31 - 1;
const MAX_SUFFIX_LENGTH = 64;
/** As OpenAI's. */
const MAX_METADATA = { pairs: 16, nameLength: 64, valueLength: 512 };

/** @throws INVALID_ARGUMENT naming the field in `details.field`; UNSUPPORTED_FEATURE for other methods and integrations */
export function readFineTuningRequest(body: unknown): FineTuningRequest {
  const fields = Fields.of(body);
  const model = fields.needText('model');
  const trainingFile = fields.needText('training_file');
  const validationFile = fields.text('validation_file') ?? null;
  const seed = fields.integer('seed', { min: 0, max: MAX_SEED }) ?? null;
  const suffix = readSuffix(fields);
  const metadata = readMetadata(fields);
  if ((fields.list('integrations', (item) => item) ?? []).length > 0) {
    throw unsupported('integrations', 'metrics are reported nowhere but in events, checkpoints and result files');
  }
  const hyperparameters = readMethod(fields);
  fields.end();
  return { model, trainingFile, validationFile, suffix, seed, hyperparameters, metadata };
}

function readMethod(fields: Fields): Hyperparameters {
  const old = fields.object('hyperparameters');
  const method = fields.object('method');
  if (method === undefined) return readHyperparameters(old);
  if (old !== undefined) throw fields.invalid('hyperparameters', 'is the older form of method: give one of them');
  const type = method.need('type', method.choice('type', ['supervised', 'dpo', 'reinforcement']));
  if (type !== 'supervised') throw unsupported(method.pathOf('type'), `"${type}" is not done here, only "supervised"`);
  const supervised = method.object('supervised');
  const hyperparameters = readHyperparameters(supervised?.object('hyperparameters'));
  supervised?.end();
  method.end();
  return hyperparameters;
}

function readHyperparameters(fields: Fields | undefined): Hyperparameters {
  if (fields === undefined) return { ...AUTOMATIC, lora: { rank: DEFAULT_RANK, alpha: 2 * DEFAULT_RANK } };
  const read = {
    epochs: automatic(fields, 'n_epochs', { min: 1, max: MAX_EPOCHS, isInteger: true }),
    batchSize: automatic(fields, 'batch_size', { min: 1, max: MAX_BATCH_SIZE, isInteger: true }),
    learningRateMultiplier: automatic(fields, 'learning_rate_multiplier', MULTIPLIER),
    lora: readLora(fields),
  };
  fields.end();
  return read;
}

const AUTOMATIC = { epochs: 'auto', batchSize: 'auto', learningRateMultiplier: 'auto' } as const;

function automatic(fields: Fields, name: string, range: Parameters<Fields['number']>[1]): Automatic {
  return fields.any(name) === 'auto' ? 'auto' : (fields.number(name, range) ?? 'auto');
}

function readLora(fields: Fields): Hyperparameters['lora'] {
  const isFull = fields.flag('full') ?? false;
  const lora = fields.object('lora');
  if (isFull && lora !== undefined) throw fields.invalid('lora', 'goes with full: false only');
  if (isFull) return null;
  const rank = lora?.integer('rank', { min: 1, max: MAX_RANK }) ?? DEFAULT_RANK;
  const alpha = lora?.number('alpha', { min: 1e-3, max: 1e6 }) ?? 2 * rank;
  lora?.end();
  return { rank, alpha };
}

function readSuffix(fields: Fields): string | null {
  const suffix = fields.text('suffix') ?? null;
  if (
    suffix === null ||
    (/^[a-z0-9][a-z0-9._-]*$/.test(suffix) && !suffix.includes('..') && suffix.length <= MAX_SUFFIX_LENGTH)
  ) {
    return suffix;
  }
  const rule = `a–z, 0–9, ".", "_" and "-", starting with a letter or digit, at most ${MAX_SUFFIX_LENGTH} characters`;
  throw fields.invalid('suffix', `becomes part of a model's name: expected ${rule}`);
}

function readMetadata(fields: Fields): FineTuningRequest['metadata'] {
  const pairs = Object.entries(fields.record('metadata') ?? {});
  const { pairs: most, nameLength, valueLength } = MAX_METADATA;
  if (pairs.length > most) throw fields.invalid('metadata', `takes at most ${most} pairs, got ${pairs.length}`);
  return pairs.map(([name, value]) => {
    if (typeof value === 'string' && name.length <= nameLength && value.length <= valueLength) return [name, value];
    const rule = `names of at most ${nameLength} characters and texts of at most ${valueLength}`;
    throw fields.invalid('metadata', `takes ${rule}; ${JSON.stringify(name.slice(0, nameLength))} is something else`);
  });
}
