// Triton's config.pbtxt to a manifest. Fields that would change what the model answers and are not supported are
// refused; the rest of what is not used (optimisation, warm-up, rate limits …) is listed, not guessed at.
// Source: triton-inference-server/common, model_config.proto.
import {
  DEFAULT_SIGNATURE,
  type Dim,
  type Manifest,
  type ManifestSignature,
  type ManifestTensor,
  type ResourcesManifest,
} from '@amaas/core';
import { DTYPE_BY_TRITON_NAME } from './data-types.ts';
import { Section } from './section.ts';
import { parseTextFormat } from './text-format.ts';

/** Which versions of a model are served. */
export type TritonVersionPolicy =
  | { readonly kind: 'latest'; readonly count: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'specific'; readonly versions: readonly number[] };

export interface TritonConfig {
  /** Null: the model is called as its folder is. */
  readonly name: string | null;
  readonly manifest: Manifest;
  /** Null when not given; Triton then serves the latest one. */
  readonly versionPolicy: TritonVersionPolicy | null;
  /** Name of the model file in each version's folder; null: `model.onnx`. */
  readonly modelFilename: string | null;
  /** Inputs a request may leave out. */
  readonly optionalInputs: readonly string[];
  /** Paths of the fields that had no effect, such as `optimization` or `input[0].format`. */
  readonly ignored: readonly string[];
}

const ONNX_PLATFORMS = ['onnxruntime_onnx', 'onnx_onnxv1'];
const ONNX_BACKENDS = ['onnxruntime'];

/**
 * Reads a config.pbtxt.
 * @throws INVALID_CONFIG with the line for what is malformed or not for ONNX, UNSUPPORTED_FEATURE naming a field that
 *   cannot be ignored.
 */
export function decodeTritonConfig(text: string): TritonConfig {
  const ignored: string[] = [];
  const config = new Section(parseTextFormat(text), '', ignored);
  assertOnnx(config);
  for (const name of ['ensemble_scheduling', 'sequence_batching', 'batch_input', 'batch_output']) config.refuse(name);
  const transactions = config.section('model_transaction_policy');
  transactions?.refuseIfSet('decoupled');
  transactions?.finish();

  const maxBatchSize = config.integer('max_batch_size', 0) ?? 0;
  const tensors = new TensorReader(maxBatchSize > 0);
  const inputs = config.sections('input').map((section) => tensors.read(section));
  const outputs = config.sections('output').map((section) => tensors.read(section));
  const manifest: Manifest = {
    ...signatures(inputs, outputs),
    ...batching(config, maxBatchSize),
    ...instances(config),
    ...(tensors.labels === null ? {} : { labels: tensors.labels }),
    ...resources(config, ignored),
  };
  const result = {
    name: config.text('name'),
    manifest,
    versionPolicy: versionPolicy(config),
    modelFilename: config.text('default_model_filename'),
    optionalInputs: tensors.optional,
  };
  config.finish();
  return { ...result, ignored };
}

function assertOnnx(config: Section): void {
  const [platform, backend] = [config.text('platform'), config.text('backend')];
  if (platform !== null && !ONNX_PLATFORMS.includes(platform)) {
    throw config.invalid('platform', `must be ${ONNX_PLATFORMS.join(' or ')}, got ${JSON.stringify(platform)}`);
  }
  if (backend !== null && !ONNX_BACKENDS.includes(backend)) {
    throw config.invalid('backend', `must be ${ONNX_BACKENDS.join(' or ')}, got ${JSON.stringify(backend)}`);
  }
}

/** Reads inputs and outputs, which differ in a few fields only. */
class TensorReader {
  readonly #isBatched: boolean;
  readonly #names = new Set<string>();
  readonly optional: string[] = [];
  /** The first label file an output names; the manifest has room for one. */
  labels: string | null = null;

  constructor(isBatched: boolean) {
    this.#isBatched = isBatched;
  }

  read(section: Section): ManifestTensor {
    const name = section.text('name');
    if (name === null) throw section.invalid('name', 'is missing');
    // Triton lets an output have an input's name; within each list names are unique, and the paths tell the lists apart.
    const key = `${section.path.split('[', 1)[0]}:${name}`;
    if (this.#names.has(key)) throw section.invalid('name', `${JSON.stringify(name)} is used twice`);
    this.#names.add(key);

    const type = section.word('data_type');
    const dtype = type === null ? undefined : DTYPE_BY_TRITON_NAME.get(type);
    if (type !== null && dtype === undefined) {
      throw section.invalid('data_type', `must be one of ${[...DTYPE_BY_TRITON_NAME.keys()].join(', ')}, got ${type}`);
    }
    section.refuse('reshape');
    section.refuseIfSet('is_shape_tensor');
    section.refuseIfSet('allow_ragged_batch');
    section.refuseIfSet('is_non_linear_format_io');
    if (section.flag('optional')) this.optional.push(name);
    const format = section.word('format');
    if (format !== null && format !== 'FORMAT_NONE') section.ignore('format');
    this.#readLabels(section);
    const shape = this.#readDims(section);
    section.finish();
    return { name, ...(dtype === undefined ? {} : { dtype }), ...(shape === null ? {} : { shape }) };
  }

  #readLabels(section: Section): void {
    const file = section.text('label_filename');
    if (file === null) return;
    if (this.labels === null) this.labels = file;
    else if (this.labels !== file) section.ignore('label_filename');
  }

  #readDims(section: Section): readonly Dim[] | null {
    if (!section.has('dims')) return null;
    const dims: (number | null)[] = section.integers('dims', -1).map((dim) => {
      if (dim === 0) throw section.invalid('dims', 'must be whole numbers ≥ 1, or -1 for any size, got 0');
      return dim === -1 ? null : dim;
    });
    // With batching the configuration leaves out the first axis, which the model file has.
    return this.#isBatched ? [null, ...dims] : dims;
  }
}

function signatures(inputs: readonly ManifestTensor[], outputs: readonly ManifestTensor[]): Manifest {
  if (inputs.length === 0 && outputs.length === 0) return {};
  const signature: ManifestSignature = {
    ...(inputs.length === 0 ? {} : { inputs }),
    ...(outputs.length === 0 ? {} : { outputs }),
  };
  return { signatures: { [DEFAULT_SIGNATURE]: signature } };
}

function batching(config: Section, maxBatchSize: number): Manifest {
  if (maxBatchSize === 0) return { batching: { dim: null } }; // a dynamic_batching beside it has no effect and is listed
  const dynamic = config.section('dynamic_batching');
  if (dynamic === null) return { batching: { dim: 0, maxSize: maxBatchSize } };
  const preferredSizes = dynamic.integers('preferred_batch_size', 1);
  if (preferredSizes.some((size) => size > maxBatchSize)) {
    throw dynamic.invalid('preferred_batch_size', `must not exceed max_batch_size ${maxBatchSize}`);
  }
  const delayMicroseconds = dynamic.integer('max_queue_delay_microseconds', 0) ?? 0; // as in Triton: no waiting
  const queue = dynamic.section('default_queue_policy');
  const maxQueueSize = queue?.integer('max_queue_size', 0) ?? 0; // 0: no bound of its own
  queue?.finish();
  dynamic.finish();
  return {
    batching: {
      dim: 0,
      maxSize: maxBatchSize,
      maxDelayMs: delayMicroseconds / 1000,
      ...(preferredSizes.length === 0 ? {} : { preferredSizes }),
    },
    ...(maxQueueSize === 0 ? {} : { limits: { maxQueueSize } }),
  };
}

function instances(config: Section): Manifest {
  const groups = config.sections('instance_group');
  if (groups.length === 0) return {};
  let total = 0;
  for (const group of groups) {
    total += group.integer('count', 0) || 1; // protobuf does not tell 0 from absent, and Triton takes both for 1
    group.text('name');
    const kind = group.word('kind');
    if (kind === 'KIND_GPU') group.ignore('kind');
    else if (kind !== null && !['KIND_AUTO', 'KIND_CPU', 'KIND_MODEL'].includes(kind)) {
      throw group.invalid('kind', `must be KIND_AUTO, KIND_CPU, KIND_GPU or KIND_MODEL, got ${kind}`);
    }
    group.finish();
  }
  return { instances: total };
}

/** The ONNX Runtime backend takes its thread counts as parameters, as texts. */
function resources(config: Section, ignored: string[]): Manifest {
  const threads = new Map<string, number>();
  for (const entry of config.sections('parameters')) {
    const key = entry.text('key') ?? '';
    const value = entry.section('value')?.text('string_value') ?? '';
    if (key !== 'intra_op_thread_count' && key !== 'inter_op_thread_count') {
      ignored.push(`parameters[${JSON.stringify(key)}]`);
      continue;
    }
    if (!/^[0-9]{1,4}$/.test(value)) {
      throw entry.invalid('value', `of ${key} must be a whole number ≥ 0 in quotes, got ${JSON.stringify(value)}`);
    }
    if (Number(value) > 0) threads.set(key, Number(value)); // 0: the runtime's own choice
  }
  const intraOpThreads = threads.get('intra_op_thread_count');
  const interOpThreads = threads.get('inter_op_thread_count');
  const found: ResourcesManifest = {
    ...(intraOpThreads === undefined ? {} : { intraOpThreads }),
    ...(interOpThreads === undefined ? {} : { interOpThreads }),
  };
  return threads.size === 0 ? {} : { resources: found };
}

function versionPolicy(config: Section): TritonVersionPolicy | null {
  const policy = config.section('version_policy');
  if (policy === null) return null;
  const [latest, all, specific] = [policy.section('latest'), policy.section('all'), policy.section('specific')];
  if ([latest, all, specific].filter((choice) => choice !== null).length > 1) {
    throw config.invalid('version_policy', 'must be one of latest, all and specific');
  }
  const count = latest?.integer('num_versions', 0) || 1;
  const versions = specific?.integers('versions', 1) ?? [];
  for (const section of [latest, all, specific, policy]) section?.finish();
  if (specific !== null) {
    if (versions.length === 0) throw policy.invalid('specific', 'must list versions');
    return { kind: 'specific', versions };
  }
  if (all !== null) return { kind: 'all' };
  return latest === null ? null : { kind: 'latest', count };
}
