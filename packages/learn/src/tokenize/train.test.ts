import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { createRandom } from '../statistics/index.ts';
import { readTokenizer, trainBpe, trainCharacters, trainUnigram, trainWordPiece } from './index.ts';
import { learnMerges } from './learn-merges.ts';
import { learnUnigram } from './learn-unigram.ts';

/** Words of few letters, so that pairs repeat, overlap and tie. */
function drawWords(seed: string): Map<string, number> {
  const random = createRandom(seed);
  const words = new Map<string, number>();
  for (let index = 0; index < 40; index++) {
    let word = '';
    for (let length = 1 + random.integer(9); length > 0; length--) word += 'aabc'.charAt(random.integer(4));
    words.set(word, 1 + random.integer(5));
  }
  return words;
}

/** The algorithm as the paper has it: all pairs are counted anew before each merge. */
function mergeNaively(words: ReadonlyMap<string, number>, tokens: string[], size: number): string[][] {
  const cut = [...words].map(([word, count]) => ({ parts: [...word], count }));
  const merges: string[][] = [];
  while (tokens.length < size) {
    const counts = new Map<string, number>();
    for (const { parts, count } of cut) {
      for (let place = 1; place < parts.length; place++) {
        const key = JSON.stringify([parts[place - 1], parts[place]]);
        counts.set(key, (counts.get(key) ?? 0) + count);
      }
    }
    const rank = (key: string): number[] => JSON.parse(key).map((token: string) => tokens.indexOf(token));
    const [best] = [...counts].sort(([a, aCount], [b, bCount]) => {
      const [[aLeft = 0, aRight = 0], [bLeft = 0, bRight = 0]] = [rank(a), rank(b)];
      return bCount - aCount || aLeft - bLeft || aRight - bRight;
    });
    if (best === undefined || best[1] < 2) break;
    const [left, right]: string[] = JSON.parse(best[0]);
    merges.push([left ?? '', right ?? '']);
    if (!tokens.includes(`${left}${right}`)) tokens.push(`${left}${right}`);
    for (const word of cut) {
      const merged: string[] = [];
      for (const part of word.parts) {
        if (merged.at(-1) === left && part === right && !merged.at(-1)?.endsWith('|')) {
          merged[merged.length - 1] = `${left}${right}|`; // closed: what was merged takes no part in this merge again
        } else merged.push(part);
      }
      word.parts = merged.map((part) => part.replace('|', ''));
    }
  }
  return merges;
}

test('learnMerges finds the merges that counting anew each time finds', () => {
  for (let round = 0; round < 60; round++) {
    const words = drawWords(`merges ${round}`);
    const rules = { tokens: ['<x>', 'a', 'b', 'c'], firstCharacter: 1, minCount: 2, continuingPrefix: '' };
    const { merges } = learnMerges(words, { ...rules, vocabularySize: 40 });
    assert.deepEqual(merges, mergeNaively(words, ['<x>', 'a', 'b', 'c'], 40));
    assert.ok(merges.length > 5);
  }
});

test('Tokenizer.encode merges in the order that was learned', () => {
  const random = createRandom('apply');
  for (let round = 0; round < 30; round++) {
    const words = drawWords(`apply ${round}`);
    const rules = { tokens: ['a', 'b', 'c'], firstCharacter: 0, minCount: 2, continuingPrefix: '' };
    const { tokens, merges } = learnMerges(words, { ...rules, vocabularySize: 30 });
    const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
    const tokenizer = readTokenizer({ model: { type: 'BPE', vocab, merges } });
    for (let text = 0; text < 20; text++) {
      let word = '';
      for (let length = random.integer(25); length > 0; length--) word += 'abc'.charAt(random.integer(3));
      let parts = [...word];
      for (const [left, right] of merges) {
        const merged: string[] = [];
        for (let place = 0; place < parts.length; place++) {
          const part = parts[place] ?? '';
          if (part === left && parts[place + 1] === right) {
            merged.push(left + right);
            place++;
          } else merged.push(part);
        }
        parts = merged;
      }
      assert.deepEqual(tokenizer.encode(word).tokens, parts, word);
    }
  }
});

test('trainBpe gives the same tokenizer for the same texts in any order', () => {
  const texts = Array.from({ length: 30 }, (_, index) => `the cat number ${index} sat on mat ${index % 7}, naïvely`);
  const one = trainBpe(texts, { vocabularySize: 280 });
  const other = trainBpe(createRandom(3).shuffle([...texts]), { vocabularySize: 280 });
  assert.deepEqual(other.toJson(), one.toJson());
  assert.equal(one.vocabularySize, 280);
  assert.deepEqual(one.encode('the cat').tokens, ['the', 'Ġcat']);
});

test('trainWordPiece joins what belongs together and takes rare characters for unknown', () => {
  const texts = Array.from({ length: 20 }, () => 'Playing players played plays. Jump jumping jumped!');
  const tokenizer = trainWordPiece([...texts, 'Ω'], { vocabularySize: 80, characterCoverage: 0.999 });
  assert.deepEqual(tokenizer.encode('JUMPING').tokens, ['[CLS]', 'jumping', '[SEP]']);
  assert.equal(tokenizer.encode('Ωx', { addSpecialTokens: false }).tokens[0], '[UNK]');
  assert.equal(tokenizer.decode(tokenizer.encode('plays jumped!').ids), 'plays jumped!');
  assert.deepEqual(
    ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'].map((token) => tokenizer.tokenToId(token)),
    [0, 1, 2, 3, 4],
  );
});

test('trainCharacters knows each character of its texts, and says which are not', () => {
  const tokenizer = trainCharacters(['hello 🦙\n', 'é'], { specialTokens: ['<s>'] });
  assert.equal(tokenizer.vocabularySize, 2 + 8);
  const { ids, tokens } = tokenizer.encode('hé 🦙?\n<s>');
  assert.deepEqual(tokens, ['h', 'é', ' ', '🦙', '<unk>', '\n', '<s>']);
  assert.equal(tokenizer.decode(ids), 'hé 🦙\n');
});

/** All ways to cut a text into pieces. */
function listCuts(text: string, pieces: ReadonlySet<string>): string[][] {
  if (text === '') return [[]];
  const cuts: string[][] = [];
  for (let end = 1; end <= text.length; end++) {
    const piece = text.slice(0, end);
    if (pieces.has(piece)) cuts.push(...listCuts(text.slice(end), pieces).map((rest) => [piece, ...rest]));
  }
  return cuts;
}

test('Tokenizer.encode takes the most likely of all cuts into unigram pieces', () => {
  const random = createRandom('viterbi');
  const names = ['a', 'b', 'c', 'ab', 'bc', 'abc', 'ca', 'aa', 'bca', 'cab'];
  const vocab = [['<unk>', 0], ...names.map((piece) => [piece, -random.uniform() * 8])];
  const scores = new Map(vocab.map(([piece, score]) => [String(piece), Number(score)]));
  const tokenizer = readTokenizer({ model: { type: 'Unigram', vocab, unk_id: 0 } });
  const total = (cut: readonly string[]): number => cut.reduce((sum, piece) => sum + (scores.get(piece) ?? 0), 0);
  for (let round = 0; round < 200; round++) {
    let text = '';
    for (let length = 1 + random.integer(10); length > 0; length--) text += 'abc'.charAt(random.integer(3));
    const best = Math.max(...listCuts(text, new Set(names)).map(total));
    assert.ok(Math.abs(total(tokenizer.encode(text).tokens) - best) < 1e-9, text);
  }
});

test('Tokenizer.encode takes an unknown character for less likely than any piece', () => {
  const vocab = [
    ['<unk>', 0],
    ['a', -1],
    ['c', -1],
    ['bc', -15],
  ];
  const tokenizer = readTokenizer({ model: { type: 'Unigram', vocab, unk_id: 0 } });
  assert.deepEqual(tokenizer.encode('abc').tokens, ['a', 'bc']);
  assert.deepEqual(tokenizer.encode('abac').tokens, ['a', 'b', 'a', 'c']);
  assert.deepEqual([...tokenizer.encode('xyac').ids], [0, 1, 2]);
});

test('learnUnigram keeps every character, no more pieces than asked for, and the words that repeat', () => {
  const words = new Map([
    ['▁walking', 40],
    ['▁talking', 30],
    ['▁walked', 25],
    ['▁talked', 20],
    ['▁xyz', 1],
  ]);
  const alphabet = [...new Set([...words.keys()].join(''))];
  const { pieces, scores } = learnUnigram(words, { alphabet, size: alphabet.length + 3 });
  assert.equal(pieces.length, alphabet.length + 3);
  assert.ok(alphabet.every((character) => pieces.includes(character)));
  assert.ok(pieces.some((piece) => piece.includes('alk')));
  assert.ok(scores.every((score) => Number.isFinite(score) && score < 0));
});

test('learnUnigram makes the texts more likely than characters by their frequencies do', () => {
  const texts = Array.from(
    { length: 50 },
    (_, index) => `she sells ${index % 5} sea shells by the sea shore number ${index}`,
  );
  const tokenizer = trainUnigram(texts, { vocabularySize: 80 });
  const vocab: [string, number][] = Object(tokenizer.toJson()).model.vocab;
  const scores = new Map(vocab);
  const characters = texts.flatMap((text) => [...`▁${text.replaceAll(' ', '▁')}`]);
  const shares = new Map<string, number>();
  for (const character of characters) shares.set(character, (shares.get(character) ?? 0) + 1 / characters.length);
  const byCharacters = characters.reduce((sum, character) => sum + Math.log(shares.get(character) ?? 1), 0);
  const byPieces = texts
    .flatMap((text) => tokenizer.encode(text).tokens)
    .reduce((sum, token) => sum + (scores.get(token) ?? Number.NaN), 0);
  assert.ok(byPieces > byCharacters / 2, `${byPieces} ${byCharacters}`);
  for (const text of texts) assert.equal(tokenizer.decode(tokenizer.encode(text).ids), text);
});

test('The trainers refuse texts without words, and sizes and tokens that cannot be', () => {
  const reasonOf = (action: () => unknown): string => {
    try {
      action();
    } catch (error) {
      if (error instanceof AmaasError) return error.reason;
      throw error;
    }
    return 'none';
  };
  for (const train of [trainBpe, trainWordPiece, trainUnigram]) {
    assert.equal(
      reasonOf(() => train([], { vocabularySize: 400 })),
      'INVALID_DATA',
    );
    assert.equal(
      reasonOf(() => train(['abc'], { vocabularySize: 3 })),
      'INVALID_ARGUMENT',
    );
    assert.equal(
      reasonOf(() => train(['abc'], { vocabularySize: Number.NaN })),
      'INVALID_ARGUMENT',
    );
  }
  assert.equal(
    reasonOf(() => trainCharacters([''])),
    'INVALID_DATA',
  );
  assert.equal(
    reasonOf(() => trainCharacters(['a'], { characterCoverage: 0 })),
    'INVALID_ARGUMENT',
  );
  assert.equal(
    reasonOf(() => trainBpe(['a'], { vocabularySize: 400, specialTokens: ['x', 'x'] })),
    'INVALID_ARGUMENT',
  );
});
