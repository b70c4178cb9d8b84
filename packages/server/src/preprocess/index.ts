// What a manifest declares to happen before the model runs, and that no graph can do: pictures are decoded.
export { type DecodePicture, PicturePreparer, type PicturePreparerParts } from './picture-preparer.ts';
