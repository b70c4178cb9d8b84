// What lies in a models folder, as plain values.

/** One file of a candidate. */
export interface FolderFile {
  /** Path among the version's files, `/` between folders. */
  readonly path: string;
  /** Where it lies: an absolute path without symbolic links. It may be named differently or be shared between versions. */
  readonly source: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /** When anything about the file last changed; unlike the modification time no tool can set it back. */
  readonly ctimeMs: number;
  readonly inode: number;
}

/** One version found in a models folder, or something there that cannot be one. */
export interface FolderCandidate {
  /** Path in the models folder, `resnet/3` or `resnet.onnx`; tells candidates apart. */
  readonly location: string;
  /** Of a single file the name made of the file's. */
  readonly model: string;
  /** null for a single file `<name>.onnx` and for problems that belong to no version. */
  readonly version: number | null;
  /** Absolute path of the folder that holds the model file. */
  readonly directory: string;
  /** Path of the model file among {@link FolderCandidate.files}: `model.onnx` or `model.gguf`. */
  readonly modelFile: string;
  /** Path of `amaas.json` among the files; it may lie beside the model or in the folder above. */
  readonly manifestFile: string | null;
  /** Path of Triton's `config.pbtxt` among the files. */
  readonly configFile: string | null;
  /** By path. */
  readonly files: readonly FolderFile[];
  /** Why this cannot be served, for people; absent where nothing is known to be wrong. */
  readonly problem?: string;
  /** The file system refused to show what is there, so nothing may be concluded from what was not seen. */
  readonly isUnreadable?: true;
}

/** By kind; a version has one of them. */
export const MODEL_FILES = ['model.onnx', 'model.gguf'] as const;
export const MANIFEST_FILE = 'amaas.json';
export const CONFIG_FILE = 'config.pbtxt';
