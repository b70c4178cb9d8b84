// The lines of /api/pull: what is being fetched and how far it is, file by file, as clients draw it.

interface PulledFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** As the hub names its content, `sha256:…`. */
  readonly identity: string;
}

/** What a pull says while it runs. */
export type OllamaPullEvent =
  | { readonly type: 'started'; readonly files: readonly PulledFile[] }
  | {
      readonly type: 'progress';
      readonly phase: 'download' | 'admit';
      /** Those on their way. */
      readonly files: readonly (PulledFile & { readonly doneBytes: number })[];
    }
  | { readonly type: 'done' };

export class OllamaPullStream {
  /** By path, those on their way when last heard of. */
  #underWay = new Map<string, PulledFile>();
  #isAdmitting = false;

  /** The lines an event becomes. */
  write(event: OllamaPullEvent): readonly object[] {
    switch (event.type) {
      case 'started':
        return [{ status: 'pulling manifest' }];
      case 'progress': {
        const finished = this.#finished(event.files);
        this.#underWay = new Map(event.files.map((file) => [file.path, file]));
        const moving = event.files.map((file) => fileLine(file, file.doneBytes));
        return [...finished, ...moving, ...(event.phase === 'admit' ? this.#admitting() : [])];
      }
      case 'done':
        return [...this.#finished([]), ...this.#admitting(), { status: 'success' }];
      default:
        return event satisfies never;
    }
  }

  #finished(files: readonly PulledFile[]): readonly object[] {
    const paths = new Set(files.map(({ path }) => path));
    return [...this.#underWay.values()]
      .filter(({ path }) => !paths.has(path))
      .map((file) => fileLine(file, file.sizeBytes));
  }

  #admitting(): readonly object[] {
    if (this.#isAdmitting) return [];
    this.#isAdmitting = true;
    return [{ status: 'verifying sha256 digest' }];
  }
}

function fileLine({ path, identity, sizeBytes }: PulledFile, doneBytes: number): object {
  return { status: `pulling ${path}`, digest: identity, total: sizeBytes, completed: doneBytes };
}
