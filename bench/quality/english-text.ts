// All English text of the shared data as sentences of lower-case words: some 800,000 words of stories, plays,
// captions, reviews and encyclopedia articles, for word vectors.
import { readFileSync } from 'node:fs';
import { gunzipSync, inflateRawSync } from 'node:zlib';
import { sentencesOf } from '@amaas/learn/word-vectors';
import { sharedDataPath } from '../../tools/test-data.ts';

/** Name of each part, and its text. */
export function englishTexts(): ReadonlyMap<string, string> {
  const plain = (name: string): string => readFileSync(sharedDataPath(`text/${name}`), 'utf8');
  const lines = (text: string): string => text.replaceAll('\n', '\n\n'); // a line is a sentence there
  const reviews = readZip(readFileSync(sharedDataPath('text/sentence_polarity.zip')));
  return new Map([
    ['tinystories_248k', plain('tinystories_248k.txt')],
    ['tinyshakespeare', plain('tinyshakespeare_input.txt')],
    ['multi30k train', lines(gunzipSync(readFileSync(sharedDataPath('text/multi30k_train.en.gz'))).toString('utf8'))],
    ...['neg', 'pos'].map((kind) => {
      const bytes = reviews.get(`sentence_polarity/rt-polarity.${kind}`) ?? Buffer.alloc(0);
      return [`sentence polarity ${kind}`, lines(bytes.toString('latin1'))] as const;
    }),
    ['xquad contexts', contexts(JSON.parse(plain('xquad.en.json'))).join('\n\n')],
  ]);
}

export function* englishSentences(): Generator<readonly string[]> {
  for (const text of englishTexts().values()) yield* sentencesOf(text);
}

interface Squad {
  readonly data: readonly { readonly paragraphs: readonly { readonly context: string }[] }[];
}

function contexts({ data }: Squad): readonly string[] {
  return data.flatMap(({ paragraphs }) => paragraphs.map(({ context }) => context));
}

/** The files of a ZIP archive without encryption and below 4 GB, by name. Source: PKWARE APPNOTE 6.3, 4.3.7 and 4.3.12. */
function readZip(archive: Buffer): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  const end = archive.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    const [method, size] = [archive.readUInt16LE(at + 10), archive.readUInt32LE(at + 20)];
    const [name, extra, comment] = [28, 30, 32].map((offset) => archive.readUInt16LE(at + offset));
    const local = archive.readUInt32LE(at + 42);
    const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    const bytes = archive.subarray(start, start + size);
    const path = archive.toString('utf8', at + 46, at + 46 + (name ?? 0));
    files.set(path, method === 8 ? inflateRawSync(bytes) : bytes);
    at += 46 + (name ?? 0) + (extra ?? 0) + (comment ?? 0);
  }
  return files;
}
