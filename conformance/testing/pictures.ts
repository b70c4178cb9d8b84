// Photographs to the tensors that detectors want, and detections from what they give. Written from the models' own
// descriptions, independent of the program's preprocessing.
import sharp from 'sharp';

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly score: number;
}

/** RGB bytes of a picture stretched to a size. */
async function readRgb(path: string, width: number, height: number): Promise<Uint8Array> {
  const { data, info } = await sharp(path)
    .removeAlpha()
    .toColourspace('srgb')
    .resize({ width, height, fit: 'fill', kernel: 'linear', fastShrinkOnLoad: false })
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`${path} has ${info.channels} channels`);
  return data;
}

/** UltraFace: 320 × 240 stretched, RGB, (value − 127) / 128, planes [1,3,240,320]. */
export async function faceInput(path: string): Promise<Float32Array> {
  const pixels = await readRgb(path, 320, 240);
  const values = new Float32Array(3 * 240 * 320);
  for (let pixel = 0; pixel < 240 * 320; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      values[channel * 240 * 320 + pixel] = ((pixels[pixel * 3 + channel] ?? 0) - 127) / 128;
    }
  }
  return values;
}

/** YOLOX: the aspect ratio kept, at the top left of 416 × 416 filled with 114, BGR 0–255, planes [1,3,416,416]. */
export async function yoloxInput(path: string): Promise<Float32Array> {
  const { width = 0, height = 0 } = await sharp(path).metadata();
  const scale = Math.min(416 / width, 416 / height);
  const [scaledWidth, scaledHeight] = [Math.floor(width * scale), Math.floor(height * scale)];
  const pixels = await readRgb(path, scaledWidth, scaledHeight);
  const values = new Float32Array(3 * 416 * 416).fill(114);
  for (let y = 0; y < scaledHeight; y++) {
    for (let x = 0; x < scaledWidth; x++) {
      for (let channel = 0; channel < 3; channel++) {
        values[channel * 416 * 416 + y * 416 + x] = pixels[(y * scaledWidth + x) * 3 + (2 - channel)] ?? 0;
      }
    }
  }
  return values;
}

/** A detection of one of COCO's 80 classes, box in pixels of the 416 × 416 frame. */
export interface Detection extends Box {
  readonly classIndex: number;
}

/**
 * Reads YOLOX's 3,549 × 85 output: grids of 52², 26² and 13² cells, each row centre offset x, y and log size w, h in
 * cells, objectness, 80 class scores.
 */
export function readYolox(output: Float32Array, minScore: number): readonly Detection[] {
  const detections: Detection[] = [];
  let row = 0;
  for (const stride of [8, 16, 32]) {
    const cells = 416 / stride;
    for (let cellY = 0; cellY < cells; cellY++) {
      for (let cellX = 0; cellX < cells; cellX++, row++) {
        const values = output.subarray(row * 85, row * 85 + 85);
        const [x = 0, y = 0, w = 0, h = 0, objectness = 0] = values;
        let classIndex = 0;
        for (let index = 1; index < 80; index++) {
          if ((values[5 + index] ?? 0) > (values[5 + classIndex] ?? 0)) classIndex = index;
        }
        const score = objectness * (values[5 + classIndex] ?? 0);
        if (score < minScore) continue;
        const [centreX, centreY] = [(x + cellX) * stride, (y + cellY) * stride];
        const [halfWidth, halfHeight] = [(Math.exp(w) * stride) / 2, (Math.exp(h) * stride) / 2];
        detections.push({
          left: centreX - halfWidth,
          top: centreY - halfHeight,
          right: centreX + halfWidth,
          bottom: centreY + halfHeight,
          score,
          classIndex,
        });
      }
    }
  }
  return detections;
}

/** Keeps the best boxes and drops those that overlap a kept one by more than `maxOverlap` (intersection over union). */
export function suppressOverlaps<B extends Box>(boxes: readonly B[], maxOverlap: number): readonly B[] {
  const kept: B[] = [];
  for (const box of boxes.toSorted((a, b) => b.score - a.score)) {
    if (kept.every((other) => overlapOf(box, other) <= maxOverlap)) kept.push(box);
  }
  return kept;
}

function overlapOf(a: Box, b: Box): number {
  const width = Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left));
  const height = Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
  const shared = width * height;
  const area = (box: Box): number => (box.right - box.left) * (box.bottom - box.top);
  return shared / (area(a) + area(b) - shared);
}
