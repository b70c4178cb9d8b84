// OpenAI's files and batches over HTTP. Uploads go straight into the store, whatever their size.
import { AmaasError } from '@amaas/core';
import {
  encodeBatch,
  encodeFile,
  encodePage,
  readBatchOrder,
  readFilePurpose,
  readFormExpiry,
  readUploadPurpose,
} from '@amaas/protocols/openai-files';
import type { BlobStore, StoredBlob } from '../../artifacts/index.ts';
import type { Batches, FileRecord, Files, PageRequest, Viewer } from '../../batches/index.ts';
import { assertQuery, required, type Parameters } from '../admin/parameters.ts';
import { sendBlob } from '../admin/send-stream.ts';
import { streamBody } from '../body.ts';
import type { Exchange } from '../exchange.ts';
import type { MatchedRoute, RouteDescription, RouteFamily } from '../family.ts';
import { readJson } from '../json-body.ts';
import { OpenAiError, sendOpenAiError } from '../openai/errors.ts';
import { PathTable } from '../path-table.ts';
import {
  FILES_ROUTES,
  FILES_SCHEMAS,
  MOST_BATCHES_LISTED,
  MOST_FILES_LISTED,
  USUAL_BATCHES_LISTED,
} from './files-routes.ts';
import { boundaryOf, readMultipart, readText } from './multipart.ts';

export interface FilesFamilyParts {
  readonly files: Files;
  readonly batches: Batches;
  readonly blobs: BlobStore;
  readonly maxFileBytes: number;
  readonly limits: {
    /** Also the most that all files of a key take together, unless it administers the server. */
    readonly maxDatasetBytes: number;
  };
}

type Action = (exchange: Exchange, parameters: Parameters) => Promise<void>;

/** Fields of the form besides the file are words and numbers. */
const MOST_FIELD_BYTES = 1024;
/** Of the form around the file. */
const MOST_FORM_BYTES = 64 * 1024;
const FORM_FIELDS = ['purpose', 'expires_after[anchor]', 'expires_after[seconds]'];

const PATHS = ['/v1/files', '/v1/batches'];

export function createFilesFamily(parts: FilesFamilyParts): RouteFamily {
  const table = new PathTable<keyof typeof FILES_ROUTES>(FILES_ROUTES);
  const actions = createActions(parts);
  return {
    name: 'openai-files',
    routes: Object.values(FILES_ROUTES),
    schemas: { ...FILES_SCHEMAS, OpenAiFilesError: OpenAiError },
    errorSchema: 'OpenAiFilesError',
    owns: (path) => PATHS.some((own) => path === own || path.startsWith(`${own}/`)),
    match(method, path): MatchedRoute {
      const { name, parameters } = table.match(method, path);
      const route: RouteDescription = FILES_ROUTES[name];
      return {
        access: route.access,
        run(exchange) {
          assertQuery(
            exchange,
            (route.parameters ?? []).map((parameter) => parameter.name),
          );
          return actions[name](exchange, parameters);
        },
      };
    },
    sendError: sendOpenAiError,
  };
}

function createActions(parts: FilesFamilyParts): Readonly<Record<keyof typeof FILES_ROUTES, Action>> {
  const { files, batches, blobs } = parts;
  const fileOf = (exchange: Exchange, parameters: Parameters): Promise<FileRecord> =>
    files.get(required(parameters, 'file'), viewerOf(exchange));
  return {
    async upload(exchange) {
      exchange.sendJson(200, encodeFile(await upload(parts, exchange)));
    },
    async listFiles(exchange) {
      const purpose = exchange.query.get('purpose');
      const page = pageOf(exchange, { most: MOST_FILES_LISTED, usual: MOST_FILES_LISTED });
      const wanted = { ...page, ...(purpose === null ? {} : { purpose: readFilePurpose(purpose) }) };
      const { items, hasMore } = await files.list(wanted, viewerOf(exchange));
      exchange.sendJson(200, encodePage(items, items.map(encodeFile), hasMore));
    },
    async getFile(exchange, parameters) {
      exchange.sendJson(200, encodeFile(await fileOf(exchange, parameters)));
    },
    async deleteFile(exchange, parameters) {
      const id = required(parameters, 'file');
      await files.delete(id, viewerOf(exchange));
      exchange.sendJson(200, { id, object: 'file', deleted: true });
    },
    async content(exchange, parameters) {
      const { digest, sizeBytes, fileName } = await fileOf(exchange, parameters);
      await sendBlob(exchange, blobs, { digest, sizeBytes, fileName, mediaType: 'application/octet-stream' });
    },
    async create(exchange) {
      const order = readBatchOrder(await readJson(exchange));
      exchange.sendJson(200, encodeBatch(await batches.create(order, viewerOf(exchange))));
    },
    async listBatches(exchange) {
      const page = pageOf(exchange, { most: MOST_BATCHES_LISTED, usual: USUAL_BATCHES_LISTED });
      const { items, hasMore } = await batches.list(page, viewerOf(exchange));
      exchange.sendJson(200, encodePage(items, items.map(encodeBatch), hasMore));
    },
    async getBatch(exchange, parameters) {
      exchange.sendJson(200, encodeBatch(await batches.get(required(parameters, 'batch'), viewerOf(exchange))));
    },
    async cancel(exchange, parameters) {
      exchange.sendJson(200, encodeBatch(await batches.cancel(required(parameters, 'batch'), viewerOf(exchange))));
    },
  };
}

/** What a key made is for that key; who administers the server sees everything. */
function viewerOf({ principal }: Exchange): Viewer {
  return { keyId: principal?.keyId ?? null, seesAll: principal?.scopes.includes('admin') ?? false };
}

async function upload(parts: FilesFamilyParts, exchange: Exchange): Promise<FileRecord> {
  const { files, blobs } = parts;
  const maxFileBytes = await allowedBytes(parts, exchange);
  const boundary = boundaryOf(exchange.header('content-type'));
  const body = streamBody(exchange.request, maxFileBytes + MOST_FORM_BYTES);
  const fields = new Map<string, string>();
  let file: { readonly blob: StoredBlob; readonly fileName: string } | null = null;
  for await (const part of readMultipart(body, boundary)) {
    if (fields.has(part.name) || (part.name === 'file' && file !== null)) {
      throw invalid(part.name, 'is given more than once');
    }
    if (part.name === 'file') {
      if (part.fileName === null) throw invalid('file', 'expected a part with a file name');
      const blob = await blobs.put(part.body, { maxBytes: maxFileBytes, signal: exchange.signal });
      file = { blob, fileName: part.fileName };
    } else if (FORM_FIELDS.includes(part.name)) {
      fields.set(part.name, await readText(part, MOST_FIELD_BYTES));
    } else {
      throw invalid(part.name.slice(0, 60), 'is not supported');
    }
  }
  if (file === null) throw invalid('file', 'is needed');
  const purpose = readUploadPurpose(fields.get('purpose'));
  const expiresAfterSeconds = readFormExpiry(fields);
  const owner = exchange.principal?.keyId ?? null;
  return files.add({ owner, purpose, ...file, expiresAfterSeconds });
}

/** How large a file may be. @throws STORAGE_FULL where the key has no room left */
async function allowedBytes({ files, maxFileBytes, limits }: FilesFamilyParts, exchange: Exchange): Promise<number> {
  const { keyId, seesAll } = viewerOf(exchange);
  if (seesAll) return maxFileBytes;
  const usedBytes = await files.usedBytes(keyId);
  const { maxDatasetBytes } = limits;
  if (usedBytes < maxDatasetBytes) return Math.min(maxFileBytes, maxDatasetBytes - usedBytes);
  throw new AmaasError(
    'STORAGE_FULL',
    `upload: the files of this key take ${usedBytes} bytes, and at most ${maxDatasetBytes} are allowed; delete some`,
    { retryable: false, details: { usedBytes, maxDatasetBytes } },
  );
}

function pageOf({ query }: Exchange, { most, usual }: { readonly most: number; readonly usual: number }): PageRequest {
  const after = query.get('after');
  const order = query.get('order') ?? 'desc';
  const limit = query.get('limit') ?? String(usual);
  if (order !== 'asc' && order !== 'desc') throw invalid('order', 'expected "asc" or "desc"');
  if (!/^\d{1,6}$/.test(limit) || Number(limit) < 1 || Number(limit) > most) {
    throw invalid('limit', `expected a whole number from 1 to ${most}`);
  }
  return { limit: Number(limit), order, ...(after === null ? {} : { after }) };
}

function invalid(field: string, problem: string): AmaasError {
  return new AmaasError('INVALID_ARGUMENT', `${field}: ${problem}`, { details: { field } });
}
