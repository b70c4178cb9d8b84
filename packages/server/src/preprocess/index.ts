// What a manifest declares to happen around the model, and no graph can do: pictures are decoded, texts become ids, ids
// become texts.
export { type DecodePicture, PicturePreparer, type PicturePreparerParts } from './picture-preparer.ts';
export { ManifestTexts, type TextStepsParts } from './text-steps.ts';
export { TokenizerThreads, type TokenizerThreadsOptions } from './tokenizer-threads.ts';
