// Which kind of picture a file is, by its first bytes. What is not on the list never reaches the decoder: its readers of
// documents and vector graphics (SVG, PDF) fetch, render and expand, which no picture of a request may make it do.
// Source: the formats' own specifications (JPEG SOI, PNG signature, GIF header, RIFF/WEBP, TIFF header, ISO BMFF `ftyp`).

export const IMAGE_FORMATS = ['JPEG', 'PNG', 'WebP', 'GIF', 'AVIF', 'TIFF'] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

/** File name extensions of those formats, in lower case with the dot. */
export const IMAGE_EXTENSIONS: readonly string[] = ['.jpg', '.jpeg', '.png', '.webp', '.gif', '.avif', '.tif', '.tiff'];

/** The format of a picture file; null when it is none of {@link IMAGE_FORMATS}. */
export function imageFormatOf(bytes: Uint8Array): ImageFormat | null {
  const head = String.fromCharCode(...bytes.subarray(0, 16)); // one character per byte
  if (head.startsWith('\xff\xd8\xff')) return 'JPEG';
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'PNG';
  if (/^GIF8[79]a/.test(head)) return 'GIF';
  if (head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP') return 'WebP';
  if (/^ftypavi[fs]/.test(head.slice(4))) return 'AVIF';
  if (head.startsWith('II*\0') || head.startsWith('MM\0*')) return 'TIFF';
  return null;
}
