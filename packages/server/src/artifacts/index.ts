export { ArtifactTrees, type MaterialisedTree } from './artifact-trees.ts';
export type { BlobStore, ListedBlob, PutOptions, StoredBlob } from './blob-store.ts';
export { computeDigest, type Digest, digestHex, isDigest, parseDigest } from './digest.ts';
export { errorCode, explainFullDisk, makeDurableDirectory, syncDirectory } from './durable-files.ts';
export { FileBlobStore } from './file-blob-store.ts';
export { assertTreeFiles, assertTreePath, computeTreeDigest, MAX_TREE_FILES, type TreeFile } from './tree-files.ts';
export { readFileOrNull, replaceFile } from './whole-files.ts';
