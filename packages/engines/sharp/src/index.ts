// Media files on disk for the trainer, and pictures decoded by sharp (libvips) for whoever serves or sends them.
export { describeImageReader } from './binding.ts';
export { type DecodeImageOptions, decodeImage, type ImageLimits, type ImagePreparation } from './decode-image.ts';
export * from './folders.ts';
export { IMAGE_EXTENSIONS, IMAGE_FORMATS, type ImageFormat, imageFormatOf } from './image-format.ts';
export { AUDIO_EXTENSIONS, listMediaFiles, type MediaFilesOptions } from './media-files.ts';
export * from './inspect-folder.ts';
export { chooseImagePreparation, type GivenPreparation, type MeasuredImage, measureImages } from './measure-images.ts';
export { chooseSampleRate } from './measure-sounds.ts';
export { listSpeechFiles, openSpeechFolder, type SpeechFolderOptions, TRANSCRIPT_TABLES } from './speech-folder.ts';
