// Models, versions and signatures as text for people.
import type { ModelSummary, VersionDetail, VersionPolicy, VersionSummary } from '@amaas/client';
import { formatSpec, type Preprocess, type TensorSpec } from '@amaas/core';
import { formatBytes, formatMs, pairs, table } from './terminal.ts';

/** One line per version of every model. */
export function modelListText(models: readonly ModelSummary[]): string {
  if (models.length === 0) return 'No models yet. Deploy one with: amaas deploy <file|folder|url> --name <name>';
  const rows = models.flatMap((model) =>
    model.versions.length === 0
      ? [[model.name, '-', 'none', '', '', model.owner]]
      : model.versions.map((version) => [
          model.name,
          String(version.version),
          version.state,
          version.labels.join(', '),
          formatBytes(version.sizeBytes),
          model.owner,
        ]),
  );
  const failures = models.flatMap((model) => model.versions).filter((version) => isFailure(version));
  const reasons = failures.map((version) => `${version.model}@${version.version}: ${version.reason}`);
  return [table(['MODEL', 'VERSION', 'STATE', 'LABELS', 'SIZE', 'OWNER'], rows), ...reasons].join('\n');
}

function isFailure(version: VersionSummary): boolean {
  return (version.state === 'FAILED' || version.state === 'REJECTED') && version.reason !== null;
}

/** A model with its versions. */
export function modelText(model: ModelSummary): string {
  const head = pairs([
    ['model', model.name],
    ...(model.description === null ? [] : [['about', model.description] as const]),
    ['owner', model.owner],
    ['serves', policyText(model.policy)],
  ]);
  return `${head}\n\n${modelListText([model])}`;
}

/** A version that was refused: of it there is nothing but why. */
export function refusedText({ model, version, reason }: VersionSummary): string {
  return pairs([
    ['version', `${model}@${version}`],
    ['state', reason === null ? 'REJECTED' : `REJECTED: ${reason}`],
    ['what now', `mend its files in the models folder, or forget it with: amaas models delete ${model}@${version}`],
  ]);
}

/** A policy in words: `latest 2`. */
export function policyText(policy: VersionPolicy): string {
  switch (policy.kind) {
    case 'latest':
      return `latest ${policy.count}`;
    case 'specific':
      return `versions ${policy.versions.join(', ')}`;
    case 'all':
    case 'none':
      return policy.kind;
    default:
      return policy satisfies never;
  }
}

/** Everything about a version that a person may want to know. */
export function versionText(version: VersionDetail): string {
  const signatures = Object.entries(version.signatures);
  const [first] = signatures;
  return pairs([
    ['version', `${version.model}@${version.version}`],
    ...(version.manifest.description === undefined ? [] : [['about', version.manifest.description] as const]),
    ['state', version.reason === null ? version.state : `${version.state}: ${version.reason}`],
    ...originRows(version),
    ...(version.labels.length === 0 ? [] : [['labels', version.labels.join(', ')] as const]),
    ['digest', version.digest ?? 'none'],
    ['size', formatBytes(version.sizeBytes)],
    ...(signatures.length === 1 && first !== undefined
      ? signatureRows('', first[1], version)
      : signatures.flatMap(([name, signature]) => signatureRows(`${name} `, signature, version))),
    ...(version.format === 'gguf' ? languageRows(version) : [['batching', batchingText(version)] as const]),
    ...paddingRows(version),
    ...servingRows(version),
    ...(version.manifest.licence === undefined ? [] : [['licence', version.manifest.licence] as const]),
  ]);
}

/** Classes shown by name. */
const MAX_CLASSES = 12;

/** What it is for and where it comes from, as far as its manifest and its training say. */
function originRows({ manifest, lineage }: VersionDetail): readonly Row[] {
  const said = new Map<string, unknown>(Object.entries(lineage));
  const row = (label: string, value: unknown): readonly Row[] =>
    typeof value === 'string' && value !== '' ? [[label, value]] : [];
  const classes = Array.isArray(manifest.labels) ? manifest.labels : [];
  const more = classes.length > MAX_CLASSES ? `, and ${classes.length - MAX_CLASSES} more` : '';
  return [
    ...row('task', manifest.task),
    ...row('predicts', targetOf(said.get('configuration'))),
    ...row('classes', `${classes.slice(0, MAX_CLASSES).join(', ')}${more}`),
    ...row('run', said.get('run')),
    ...row('learned from', said.get('source')),
  ];
}

/** The column that a model of a table predicts. */
function targetOf(configuration: unknown): unknown {
  if (typeof configuration !== 'object' || configuration === null) return undefined;
  return new Map<string, unknown>(Object.entries(configuration)).get('target');
}

type Row = readonly [label: string, value: string];

function signatureRows(
  prefix: string,
  signature: { readonly inputs: readonly TensorSpec[]; readonly outputs: readonly TensorSpec[] },
  { manifest }: VersionDetail,
): readonly Row[] {
  const declared = Object.entries(manifest.preprocess ?? {});
  const rows = (label: string, specs: readonly TensorSpec[], note: (name: string) => string): readonly Row[] =>
    specs.map((spec) => [
      label,
      `${spec.name}  ${formatSpec(spec)}${spec.optional ? ' (optional)' : ''}${note(spec.name)}`,
    ]);
  return [
    ...rows(`${prefix}input`, signature.inputs, (name) => otherForm(declared, name)),
    ...rows(`${prefix}output`, signature.outputs, (name) =>
      Object.hasOwn(manifest.postprocess ?? {}, name) ? `, from ids by ${manifest.postprocess?.[name]?.tokenizer}` : '',
    ),
  ];
}

/** What may be sent in place of an input's tensor. */
function otherForm(declared: readonly (readonly [string, Preprocess])[], name: string): string {
  for (const [input, steps] of declared) {
    if (steps.kind === 'image') {
      if (input === name) return `, or pictures [N], brought to ${steps.width} × ${steps.height}`;
      continue;
    }
    if (input === name) {
      const most = steps.maxTokens === undefined ? '' : `, at most ${steps.maxTokens} tokens`;
      return `, or ${steps.pair ? 'pairs of texts [N,2]' : 'texts [N]'} by ${steps.tokenizer}${most}`;
    }
    if (steps.mask === name || steps.typeIds === name) return `, not with texts for ${input}`;
  }
  return '';
}

function paddingRows({ serving }: VersionDetail): readonly Row[] {
  const off = serving?.paddingOff;
  return off === undefined ? [] : [['padding', `off, texts of different lengths run apart: ${off}`]];
}

function languageRows({ language, lineage, manifest }: VersionDetail): readonly Row[] {
  const said = new Map<string, unknown>(Object.entries({ ...Object(lineage['languageModel']) }));
  const text = (label: string, ...values: readonly unknown[]): readonly Row[] => {
    const shown = values.filter((value) => typeof value === 'string' || typeof value === 'number').join(', ');
    return shown === '' ? [] : [[label, shown]];
  };
  const parameters = said.get('parameters');
  const millions =
    typeof parameters === 'number' ? `${(parameters / 1e6).toPrecision(3)} million parameters` : undefined;
  return [
    ...text('kind', said.get('architecture'), said.get('quantization'), millions),
    ...text(
      'trained on',
      said.get('trainedContextTokens') === 0 ? undefined : `${said.get('trainedContextTokens')} tokens of context`,
    ),
    ...text('adapters', ...Object.keys(manifest.language?.adapters ?? {})),
    ...(language === undefined ? [] : loadedRows(language)),
  ];
}

function loadedRows(language: NonNullable<VersionDetail['language']>): readonly Row[] {
  const abilities: readonly Row[] = [['abilities', language.abilities.join(', ') || 'continues texts']];
  if (!language.isLoaded) return [...abilities, ['memory', 'not loaded; the first request brings it in']];
  const { threads } = language;
  return [
    ...abilities,
    ['memory', formatBytes(language.memoryBytes)],
    ['context', `${language.parallel} × ${language.contextTokens} tokens`],
    ...(threads === null ? [] : [['threads', `${threads.generation} to write, ${threads.prompt} to read`] as const]),
  ];
}

function batchingText({ serving }: VersionDetail): string {
  if (serving === null) return 'not loaded';
  if ('off' in serving.batching) return `off: ${serving.batching.off}`;
  return `up to ${serving.batching.maxSize} rows, waiting at most ${serving.batching.maxDelayMs} ms`;
}

function servingRows({ serving }: VersionDetail): readonly Row[] {
  if (serving === null) return [];
  const memory = serving.memoryBytes === null ? [] : [['memory', formatBytes(serving.memoryBytes)] as const];
  const instances = serving.instances === 1 ? '' : ` × ${serving.instances}`;
  const { fixedMs, msPerRow } = serving.cost;
  const cost = `${formatMs(fixedMs + msPerRow)} a run${msPerRow > 0 ? `, ${formatMs(msPerRow)} for each further row` : ''}`;
  return [['runs in', `${serving.isolation}${instances}`], ['takes', cost], ...memory];
}
