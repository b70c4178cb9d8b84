// Which files of a repository make a model that can be served. Decides by names and sizes alone.
import { AmaasError } from '@amaas/core';
import { assertTreePath } from '../artifacts/index.ts';
import type { HubFile, HubListing } from './listing.ts';
import type { HubReference } from './reference.ts';

/** A file and its path among those of the version. */
export interface ChosenFile {
  readonly file: HubFile;
  readonly path: string;
}

export interface Choice {
  readonly format: 'gguf' | 'onnx';
  readonly model: ChosenFile;
  /** What lies beside the model; the files its weights are in are known only once it has been read. */
  readonly companions: readonly ChosenFile[];
}

/** What is taken along with an ONNX model where it is there: what amaas reads itself, and what tells a person how to use it. */
const COMPANIONS = [
  ...['amaas.json', 'labels.txt', 'example.json', 'example.png', 'example.jpg'],
  ...['config.json', 'preprocessor_config.json', 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json'],
  ...['vocab.txt', 'vocab.json', 'merges.txt'],
];

/** What is taken along with a language model that was published for amaas; others have everything in their file. */
const GGUF_COMPANIONS = ['amaas.json', 'chat.jinja', 'chat_template.jinja'];

/** Files in GGUF that are no language model: projectors of pictures, statistics for quantising. */
const NO_MODEL = /(?:^|[-._/])(?:mmproj|imatrix)(?:[-._]|$)/i;
const SHARD = /-(\d{5})-of-\d{5}\.gguf$/;
/** Longest list in a message; repositories with every quantisation have about thirty files. */
const MAX_LISTED = 40;

/**
 * Chooses the model a reference means, and what belongs to it.
 * @throws ARTIFACT_NOT_FOUND, INVALID_ARGUMENT for a reference that fits several: both list the files with their sizes;
 *   UNSUPPORTED_FEATURE for a model in several GGUF files
 */
export function chooseFiles(listing: HubListing, reference: Pick<HubReference, 'file' | 'quantization'>): Choice {
  const { file, quantization } = reference;
  const ggufs = listing.files.filter(({ path }) => isGguf(path));
  if (file !== null) return chooseNamed(listing, file);
  if (quantization !== null) return ggufChoice(listing, chooseQuantization(listing, ggufs, quantization));
  if (ggufs.length > 0) return ggufChoice(listing, only(listing, ggufs.filter(isLanguageModel), '.gguf'));
  return onnxChoice(listing, chooseOnnx(listing));
}

/** The files that hold weights of an ONNX model, by the places it names. @throws INVALID_MODEL for one that is not there */
export function externalFiles(listing: HubListing, model: HubFile, locations: Iterable<string>): readonly ChosenFile[] {
  const folder = folderOf(model.path);
  const paths = new Set([...locations].map((location) => assertTreePath(location.replace(/^\.\//, ''))));
  return [...paths].map((path) => {
    const file = listing.files.find((candidate) => candidate.path === folder + path);
    if (file !== undefined) return { file, path };
    throw new AmaasError(
      'INVALID_MODEL',
      `pull: ${model.path} keeps weights in ${JSON.stringify(path)}, which ${listing.repository} does not have beside it`,
    );
  });
}

/** Bytes in powers of 1000, three digits: `26.5 MB`. */
export function sizeInWords(bytes: number): string {
  const units = ['kB', 'MB', 'GB'];
  let value = bytes / 1000;
  if (value < 1) return `${bytes} B`;
  while (value >= 999.5 && units.length > 1) {
    value /= 1000;
    units.shift();
  }
  return `${value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2)} ${units[0]}`;
}

function chooseNamed(listing: HubListing, path: string): Choice {
  const file = listing.files.find((candidate) => candidate.path === path);
  if (file === undefined) {
    const similar = listing.files.filter((candidate) => isGguf(candidate.path) || isOnnx(candidate.path));
    throw new AmaasError('ARTIFACT_NOT_FOUND', `pull: ${listing.repository} has no file ${path}${listed(similar)}`);
  }
  if (isGguf(path)) return ggufChoice(listing, file);
  if (isOnnx(path)) return onnxChoice(listing, file);
  throw new AmaasError('INVALID_ARGUMENT', `pull: ${path} is neither a .gguf nor an .onnx file`);
}

function chooseQuantization(listing: HubListing, ggufs: readonly HubFile[], quantization: string): HubFile {
  // Whole words: Q4_K is not Q4_K_M, and Q4_XS not IQ4_XS.
  const escaped = quantization.replaceAll('.', '\\.');
  const word = new RegExp(`(?:^|[-._/])${escaped}(?:[-./]|$)`, 'i');
  const models = ggufs.filter(isLanguageModel);
  const fitting = models.filter(({ path }) => word.test(path));
  if (fitting.length > 0) return only(listing, fitting, quantization);
  throw new AmaasError(
    'ARTIFACT_NOT_FOUND',
    `pull: ${listing.repository} has no .gguf file for ${quantization}${listed(models)}`,
  );
}

function chooseOnnx(listing: HubListing): HubFile {
  const models = listing.files.filter(({ path }) => isOnnx(path));
  const usual = ['onnx/model.onnx', 'model.onnx'].flatMap((path) => models.filter((file) => file.path === path))[0];
  if (usual !== undefined) return usual;
  if (models.length > 0) return only(listing, models, '.onnx');
  throw new AmaasError('ARTIFACT_NOT_FOUND', `pull: ${listing.repository} has neither a .gguf nor an .onnx file`);
}

/** The one file there is, the parts of a model in several counting as one. */
function only(listing: HubListing, files: readonly HubFile[], what: string): HubFile {
  const models = files.filter(({ path }) => (SHARD.exec(path)?.[1] ?? '00001') === '00001');
  const [first] = models;
  if (first === undefined) {
    throw new AmaasError('ARTIFACT_NOT_FOUND', `pull: ${listing.repository} has no ${what} file of a language model`);
  }
  if (models.length === 1) return first;
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `pull: ${listing.repository} has ${models.length} files for ${what}; name one, as in hf:${listing.repository}:${first.path}${listed(models)}`,
    { details: { files: models.map(({ path, sizeBytes }) => ({ path, sizeBytes })) } },
  );
}

function ggufChoice(listing: HubListing, file: HubFile): Choice {
  if (SHARD.test(file.path)) {
    throw new AmaasError(
      'UNSUPPORTED_FEATURE',
      `pull: ${file.path} of ${listing.repository} is one of several files of a model; only models in one .gguf file are ` +
        'served (llama-gguf-split --merge makes one file of them)',
    );
  }
  const beside = companionsOf(listing, file, GGUF_COMPANIONS);
  const isForAmaas = beside.some(({ path }) => path === 'amaas.json');
  return { format: 'gguf', model: { file, path: nameOf(file.path) }, companions: isForAmaas ? beside : [] };
}

function onnxChoice(listing: HubListing, file: HubFile): Choice {
  const companions = companionsOf(listing, file, COMPANIONS);
  return { format: 'onnx', model: { file, path: nameOf(file.path) }, companions };
}

/** Those in the model's folder win over those of the repository as a whole. */
function companionsOf(listing: HubListing, model: HubFile, names: readonly string[]): readonly ChosenFile[] {
  const folders = new Set([folderOf(model.path), '']);
  return names.flatMap((name) => {
    const places = [...folders].flatMap((folder) => listing.files.filter(({ path }) => path === folder + name));
    return places.slice(0, 1).map((place) => ({ file: place, path: name }));
  });
}

function listed(files: readonly HubFile[]): string {
  if (files.length === 0) return '';
  const lines = files.slice(0, MAX_LISTED).map(({ path, sizeBytes }) => `\n  ${path}  ${sizeInWords(sizeBytes)}`);
  return `. There are:${lines.join('')}${files.length > MAX_LISTED ? `\n  and ${files.length - MAX_LISTED} more` : ''}`;
}

function isLanguageModel({ path }: HubFile): boolean {
  return !NO_MODEL.test(path);
}

function isGguf(path: string): boolean {
  return path.endsWith('.gguf');
}

function isOnnx(path: string): boolean {
  return path.endsWith('.onnx');
}

/** With its slash; empty for the root. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
