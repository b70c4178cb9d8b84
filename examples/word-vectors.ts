// word2vec and GloVe on a plain text, the words nearest to some, and a folder that can be deployed: words in, vectors and
// nearest words out.
// Run: npx node examples/word-vectors.ts <text file> <folder to write> [words …]
//      npx amaas deploy <folder to write> --name words
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  readCorpus,
  sentencesOf,
  trainGlove,
  trainWord2Vec,
  type WordEmbeddings,
  wordVectorFiles,
} from '@amaas/learn/word-vectors';

const [file = '', folder = 'words', ...asked] = process.argv.slice(2);
const corpus = await readCorpus(sentencesOf(await readFile(file, 'utf8')), { minCount: 5 });
process.stdout.write(`${corpus.vocabulary.total} words, ${corpus.vocabulary.words.length} different ones\n`);

// Little text: a larger rate and more epochs than for billions of words.
const word2vec = await trainWord2Vec(corpus, { dimensions: 50, epochs: 10, learningRate: 0.1, subsample: 1e-4 });
const glove = await trainGlove(corpus, { dimensions: 50, epochs: 10, maxWeight: 10 });
show('word2vec', word2vec);
show('GloVe', glove);

await mkdir(folder, { recursive: true });
for (const [name, bytes] of wordVectorFiles(word2vec, { ignoreCase: true })) await writeFile(join(folder, name), bytes);

function show(name: string, vectors: WordEmbeddings): void {
  for (const word of asked) {
    if (!vectors.has(word)) throw new Error(`${word} does not occur five times in ${file}`);
    const near = vectors.nearest(word, 5).map((each) => `${each.word} ${each.similarity.toFixed(2)}`);
    process.stdout.write(`${name}: ${word} → ${near.join(', ')}\n`);
  }
}
