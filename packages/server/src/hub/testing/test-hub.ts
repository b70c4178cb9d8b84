// A hub for tests: two real HTTP servers, one that knows repositories and sends whoever wants a large file on to the other,
// which has the bytes and serves parts of them. Speaks as Hugging Face does, and misbehaves as it is told.
// Source: huggingface_hub, `hf_hub_url`, `get_hf_file_metadata`, `hf_raise_for_status`.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TestRepository {
  /** By path; large ones are behind a redirect. */
  readonly files: ReadonlyMap<string, { readonly bytes: Uint8Array; readonly isLarge: boolean }>;
  readonly license?: string;
  /** Only this token may read it. */
  readonly token?: string;
  /** Its list may be read by everyone, its files by the token alone. */
  readonly isGated?: boolean;
}

export interface SeenRequest {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** Bytes of body sent in answer. */
  sentBytes: number;
  status: number;
}

/** What goes wrong with one answer. */
export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** The connection breaks after some bytes, as soon as `when` is there: a client drops what it has not looked at by then. */
  | { readonly kind: 'break'; readonly afterBytes: number; readonly when?: Promise<void> }
  /** Nothing more comes after some bytes. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** Ranges are not looked at. */
  | { readonly kind: 'whole' }
  /** Other bytes of the same number. */
  | { readonly kind: 'corrupt' }
  /** Another entity tag than usual. */
  | { readonly kind: 'etag'; readonly etag: string };

export interface TestHub {
  readonly url: string;
  readonly cdnUrl: string;
  readonly repositories: Map<string, TestRepository>;
  /** What the hub was asked. */
  readonly requests: SeenRequest[];
  /** What the other server was asked. */
  readonly cdnRequests: SeenRequest[];
  /** Faults of the next answers of the hub, and of the other server; null: none. */
  readonly hubFaults: (Fault | null)[];
  readonly cdnFaults: (Fault | null)[];
  readonly close: () => Promise<void>;
}

/** Starts both servers on free ports of this machine. */
export async function startTestHub(repositories: ReadonlyMap<string, TestRepository> = new Map()): Promise<TestHub> {
  const state: Omit<TestHub, 'url' | 'cdnUrl' | 'close'> = {
    repositories: new Map(repositories),
    requests: [],
    cdnRequests: [],
    hubFaults: [],
    cdnFaults: [],
  };
  const cdn = createServer((request, response) => answerAsCdn(state, request, response));
  const cdnUrl = await listen(cdn);
  const hub = createServer((request, response) => answerAsHub({ ...state, cdnUrl }, request, response));
  const url = await listen(hub);
  return {
    ...state,
    url,
    cdnUrl,
    async close() {
      for (const server of [hub, cdn]) {
        server.close();
        server.closeAllConnections();
      }
      await Promise.resolve();
    },
  };
}

/** The commit a repository is at: changes with its files. */
export function commitOf(repository: TestRepository): string {
  const hash = createHash('sha1');
  for (const [path, { bytes }] of repository.files) hash.update(path).update(bytes);
  return hash.digest('hex');
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Bytes that compress badly and are the same every time. */
export function patternBytes(byteLength: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(byteLength);
  let state = seed;
  for (let index = 0; index < byteLength; index++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[index] = state >>> 16;
  }
  return bytes;
}

function gitOid(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.byteLength}\0`).update(bytes).digest('hex');
}

function answerAsHub(hub: Omit<TestHub, 'url' | 'close'>, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://hub.test');
  const seen: SeenRequest = { path: url.pathname, headers: request.headers, sentBytes: 0, status: 0 };
  hub.requests.push(seen);
  response.on('close', () => {
    seen.status = response.statusCode;
  });
  const fault = hub.hubFaults.shift() ?? null;
  if (fault?.kind === 'status') return void response.writeHead(fault.status, fault.headers).end();
  const [, owner, name, rest] = /^(?:\/api\/models)?\/([^/]+)\/([^/]+)\/(.*)$/.exec(url.pathname) ?? [];
  const repository = hub.repositories.get(`${owner}/${name}`);
  const mayRead = repository?.token === undefined || request.headers.authorization === `Bearer ${repository.token}`;
  const refuse = (status: number, code: string): void =>
    void response.writeHead(status, { 'x-error-code': code, 'x-error-message': `test hub: ${code}` }).end();
  if (repository === undefined || rest === undefined)
    return void refuse(request.headers.authorization ? 404 : 401, 'RepoNotFound');
  const isApi = url.pathname.startsWith('/api/');
  if (!mayRead && !(isApi && repository.isGated)) {
    if (repository.isGated) return void refuse(request.headers.authorization === undefined ? 401 : 403, 'GatedRepo');
    return void refuse(401, 'RepoNotFound');
  }
  const commit = commitOf(repository);
  const [kind, revision, ...path] = rest.split('/').map(decodeURIComponent);
  if (revision !== 'main' && revision !== commit) return void refuse(404, 'RevisionNotFound');
  if (isApi && kind === 'revision') {
    const body = JSON.stringify({
      id: `${owner}/${name}`,
      sha: commit,
      ...(repository.license === undefined ? {} : { cardData: { license: repository.license } }),
      siblings: [...repository.files].map(([rfilename, { bytes, isLarge }]) => ({
        rfilename,
        size: bytes.byteLength,
        blobId: gitOid(bytes),
        ...(isLarge ? { lfs: { sha256: sha256Of(bytes), size: bytes.byteLength, pointerSize: 134 } } : {}),
      })),
    });
    return void response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  }
  const file = kind === 'resolve' ? repository.files.get(path.join('/')) : undefined;
  if (file === undefined) return void refuse(404, 'EntryNotFound');
  if (file.isLarge) {
    const sha256 = sha256Of(file.bytes);
    const location = `${hub.cdnUrl}/${owner}/${name}/${sha256}?signature=secret-signature`;
    return void response
      .writeHead(302, {
        location,
        'x-repo-commit': commit,
        'x-linked-size': String(file.bytes.byteLength),
        'x-linked-etag': `"${sha256}"`,
      })
      .end();
  }
  response.setHeader('x-repo-commit', commit);
  sendBytes(request, response, { bytes: file.bytes, etag: `"${gitOid(file.bytes)}"`, fault, seen });
}

function answerAsCdn(
  hub: Omit<TestHub, 'url' | 'cdnUrl' | 'close'>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { pathname } = new URL(request.url ?? '/', 'http://cdn.test');
  const seen: SeenRequest = { path: pathname, headers: request.headers, sentBytes: 0, status: 0 };
  hub.cdnRequests.push(seen);
  response.on('close', () => {
    seen.status = response.statusCode;
  });
  const fault = hub.cdnFaults.shift() ?? null;
  if (fault?.kind === 'status') return void response.writeHead(fault.status, fault.headers).end();
  const sha256 = pathname.split('/').at(-1);
  const files = [...hub.repositories.values()].flatMap(({ files: all }) => [...all.values()]);
  const file = files.find(({ bytes, isLarge }) => isLarge && sha256Of(bytes) === sha256);
  if (file === undefined) return void response.writeHead(404).end();
  const etag = fault?.kind === 'etag' ? fault.etag : `"cdn-${sha256?.slice(0, 16)}"`;
  sendBytes(request, response, { bytes: file.bytes, etag, fault, seen });
}

function sendBytes(
  request: IncomingMessage,
  response: ServerResponse,
  answer: {
    readonly bytes: Uint8Array;
    readonly etag: string;
    readonly fault: Fault | null;
    readonly seen: SeenRequest;
  },
): void {
  const { etag, fault, seen } = answer;
  const bytes = fault?.kind === 'corrupt' ? answer.bytes.map((byte) => byte ^ 1) : answer.bytes;
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const ifRange = request.headers['if-range'];
  const isPart = from > 0 && fault?.kind !== 'whole' && (ifRange === undefined || ifRange === etag);
  if (isPart && from >= bytes.byteLength) {
    return void response.writeHead(416, { 'content-range': `bytes */${bytes.byteLength}` }).end();
  }
  const body = isPart ? bytes.subarray(from) : bytes;
  response.writeHead(isPart ? 206 : 200, {
    etag,
    'accept-ranges': fault?.kind === 'whole' ? 'none' : 'bytes',
    'content-length': String(body.byteLength),
    ...(isPart ? { 'content-range': `bytes ${from}-${bytes.byteLength - 1}/${bytes.byteLength}` } : {}),
  });
  if (fault?.kind === 'break' || fault?.kind === 'stall') {
    const sent = body.subarray(0, fault.afterBytes);
    seen.sentBytes = sent.byteLength;
    response.write(sent, () => {
      if (fault.kind === 'break') void (fault.when ?? Promise.resolve()).then(() => response.destroy());
    });
    return;
  }
  seen.sentBytes = body.byteLength;
  response.end(body);
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a TCP server's address is never text
  return `http://127.0.0.1:${port}`;
}
