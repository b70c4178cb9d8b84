// The only file that knows the npm package sharp, imported when the first picture has to be read; without it everything
// that reads no pictures works.
import { AmaasError } from '@amaas/core';

export type { Sharp } from 'sharp';
export type SharpModule = typeof import('sharp');

/** @throws ENGINE_MISSING when sharp is not installed or does not load on this machine. */
export async function importSharp(): Promise<SharpModule> {
  try {
    return await import('sharp');
  } catch (cause) {
    throw new AmaasError(
      'ENGINE_MISSING',
      'image: reading pictures needs the npm package sharp, which does not load here',
      { cause },
    );
  }
}

/** Whether pictures can be read, and by what: `sharp 0.35.5`; null when they cannot. */
export async function describeImageReader(): Promise<string | null> {
  try {
    const { default: sharp } = await import('sharp');
    return `sharp ${sharp.versions.sharp}`;
  } catch {
    return null;
  }
}
