// References from a model to weights in other files, and the rule that they stay inside the model's folder.
// Works on names alone: whether a path runs over a symbolic link is for whoever owns the disk.
import { AmaasError } from '@amaas/core';
import { EXTERNAL_DATA, type OnnxTensor } from './model.ts';

/** Where one tensor's data lies. */
export interface ExternalData {
  /** The tensor for people: `initializer "w"`. */
  readonly tensor: string;
  /** As written in the model; meant relative to the model file's folder, with `/` between parts. */
  readonly location: string;
  /** First byte in the file; 0 when not given. */
  readonly offset: number;
  /** Bytes; null when not given: to the end of the file. */
  readonly length: number | null;
}

/**
 * The outside file a tensor refers to, or null when its data is in the model.
 * @throws INVALID_MODEL when the reference is incomplete, ambiguous or no number where one belongs.
 */
export function externalDataOf(tensor: OnnxTensor, place: string): ExternalData | null {
  if (tensor.dataLocation !== EXTERNAL_DATA) return null;
  const fields = new Map<string, string>();
  for (const { key, value } of tensor.externalData ?? []) {
    // Which of two counts is up to the parser, so neither may.
    if (fields.has(key)) {
      throw new AmaasError('INVALID_MODEL', `onnx: ${place} gives ${JSON.stringify(key)} of its external data twice`);
    }
    fields.set(key, value);
  }
  const location = fields.get('location');
  if (location === undefined) {
    throw new AmaasError('INVALID_MODEL', `onnx: ${place} has external data without a location`);
  }
  return {
    tensor: place,
    location,
    offset: parseCount(fields.get('offset'), 'offset', place) ?? 0,
    length: parseCount(fields.get('length'), 'length', place),
  };
}

function parseCount(text: string | undefined, field: string, place: string): number | null {
  if (text === undefined) return null;
  const count = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(count)) {
    throw new AmaasError(
      'INVALID_MODEL',
      `onnx: ${place} has external data with ${field} ${JSON.stringify(text.slice(0, 40))}, expected a whole number ≥ 0`,
    );
  }
  return count;
}

/**
 * Checks that all external data is named by plain relative paths inside the model's folder.
 * @throws INVALID_MODEL naming the tensor and the path otherwise.
 */
export function assertExternalDataInside(inspection: { readonly externalData: readonly ExternalData[] }): void {
  for (const { tensor, location } of inspection.externalData) {
    const fault = faultOf(location);
    if (fault !== null) {
      throw new AmaasError(
        'INVALID_MODEL',
        `onnx: ${tensor} keeps its data in ${JSON.stringify(location.slice(0, 200))}, which ${fault}; expected a path inside the model's folder`,
        { details: { tensor, location } },
      );
    }
  }
}

/** What is wrong with a location, or null. Windows' rules hold everywhere: a model may be deployed on either. */
function faultOf(location: string): string | null {
  if (location === '') return 'is empty';
  // ONNX Runtime takes `*/_ORT_MEM_ADDR_/*` for "offset is an address in memory"; no file needs an asterisk.
  if (location.includes('*')) return 'has an asterisk';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(location)) return 'has a control character';
  if (location.includes('\\')) return 'has a backslash';
  if (location.startsWith('/')) return 'is absolute';
  if (location.includes(':')) return 'has a colon, as drive letters and streams have';
  const parts = location.split('/');
  if (parts.includes('..')) return 'leaves the folder by ".."';
  // Windows drops trailing dots and spaces, so that ".. " is "..".
  if (parts.some((part) => part !== '.' && /[. ]$/.test(part))) return 'has a part that ends in a dot or space';
  if (parts.every((part) => part === '' || part === '.')) return 'names no file';
  return null;
}
