import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { readTokenizer } from './index.ts';

const BPE = { type: 'BPE', vocab: { a: 0, b: 1, ab: 2, '<unk>': 3 }, merges: [['a', 'b']], unk_token: '<unk>' };

function document(changes: object): object {
  return { model: BPE, ...changes };
}

const REFUSED: readonly (readonly [json: unknown, message: RegExp])[] = [
  ['{', /the document expects JSON/],
  [null, /the document expects an object, got null/],
  [[], /the document expects an object, got a list of 0/],
  [{}, /model expects an object, got nothing/],
  [{ model: { type: 'BLT' } }, /model\.type expects one of "BPE", .*, got "BLT"/],
  [{ model: { ...BPE, vocab: { a: 'x' } } }, /model\.vocab\["a"\] expects a whole number from 0 to \d+, got "x"/],
  [{ model: { ...BPE, vocab: { a: 1e9 } } }, /model\.vocab\["a"\] expects an id below/],
  [
    { model: { ...BPE, merges: ['a b', 'ab'] } },
    /model\.merges\[1\] expects two tokens with one space between, got "ab"/,
  ],
  [{ model: { ...BPE, merges: [['a', 'c']] } }, /model\.merges\[0\] expects two tokens of model\.vocab/],
  [{ model: { ...BPE, merges: 3 } }, /model\.merges expects a list, got 3/],
  [{ model: { ...BPE, unk_token: '?' } }, /model\.unk_token expects a token of model\.vocab, got "\?"/],
  [{ model: { ...BPE, dropout: 0.1 } }, /model\.dropout expects null or 0/],
  [{ model: { type: 'Unigram', vocab: [['a']] } }, /model\.vocab\[0\] expects a list of piece and score/],
  [{ model: { type: 'Unigram', vocab: [['a', 0]], unk_id: 1 } }, /model\.unk_id expects the id of one of 1 pieces/],
  [{ model: { type: 'WordPiece', vocab: { a: 0 } } }, /model\.unk_token expects a token of model\.vocab, got nothing/],
  [document({ normalizer: { type: 'Nope' } }), /normalizer\.type expects one of/],
  [document({ normalizer: { type: 'Replace', pattern: 'x', content: '' } }), /normalizer\.pattern expects an object/],
  [
    document({ normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Prepend' }] } }),
    /normalizer\.normalizers\[1\]\.prepend expects a text, got nothing/,
  ],
  [
    document({ pre_tokenizer: { type: 'Split', pattern: { Regex: '(a+)+' }, behavior: 'Removed' } }),
    /pre_tokenizer\.pattern\.Regex expects a regular expression with no repetition of what varies/,
  ],
  [
    document({ pre_tokenizer: { type: 'Split', pattern: { Regex: '(a)\\1' }, behavior: 'Removed' } }),
    /pre_tokenizer\.pattern\.Regex expects a regular expression with no \\1/,
  ],
  [document({ pre_tokenizer: { type: 'Metaspace', replacement: 'ab' } }), /replacement expects a single character/],
  [
    document({ post_processor: { type: 'BertProcessing', sep: ['x', 1], cls: ['y'] } }),
    /post_processor\.cls expects a list of a token and its id/,
  ],
  [
    document({
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: '[X]', type_id: 0 } }],
        pair: [],
        special_tokens: {},
      },
    }),
    /post_processor\.single\[0\]\.SpecialToken\.id expects the name of one of post_processor\.special_tokens, got "\[X\]"/,
  ],
  [
    document({
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: 'constructor', type_id: 0 } }],
        pair: [],
        special_tokens: {},
      },
    }),
    /SpecialToken\.id expects the name of one of post_processor\.special_tokens, got "constructor"/,
  ],
  [document({ padding: { strategy: { Fixed: 1e9 } } }), /padding\.strategy expects a length up to/],
  [document({ decoder: { type: 'Strip', content: ' ' } }), /decoder\.start expects a whole number/],
  [document({ added_tokens: [{ id: 5 }] }), /added_tokens\[0\]\.content expects a text, got nothing/],
  [document({ truncation: { max_length: 'x' } }), /truncation\.max_length expects a whole number/],
  [document({ padding: { strategy: 'All' } }), /padding\.strategy expects an object/],
];

test('readTokenizer names the place in the document, what is expected there and what came', () => {
  for (const [json, message] of REFUSED) {
    assert.throws(
      () => readTokenizer(json),
      (error) => {
        assert.ok(error instanceof AmaasError);
        assert.equal(error.reason, 'INVALID_MODEL');
        assert.match(error.message, message);
        return true;
      },
    );
  }
});

test('readTokenizer never fails otherwise, whatever part of a document is something else', () => {
  const good = document({
    normalizer: {
      type: 'Sequence',
      normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { String: 'x' }, content: '' }],
    },
    pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'ByteLevel' }, { type: 'Digits' }] },
    post_processor: { type: 'RobertaProcessing', sep: ['a', 0], cls: ['b', 1] },
    decoder: {
      type: 'Sequence',
      decoders: [{ type: 'WordPiece' }, { type: 'Strip', content: ' ', start: 1, stop: 0 }],
    },
    added_tokens: [{ id: 7, content: 'zz' }],
    truncation: { max_length: 5 },
    padding: { strategy: { Fixed: 3 }, pad_id: 0, pad_token: 'a' },
  });
  const strange = [null, -1, 1.5, 1e300, '', 'x', true, [], [[]], {}, { type: 'NFC' }];
  let refused = 0;
  const visit = (value: unknown, replace: (changed: unknown) => unknown): void => {
    for (const other of strange) {
      try {
        readTokenizer(replace(other)).encode('ab x 12', { truncation: null, padding: null });
      } catch (error) {
        assert.ok(error instanceof AmaasError, String(error));
        assert.ok(['INVALID_MODEL', 'INVALID_DATA'].includes(error.reason), error.message);
        refused++;
      }
    }
    if (Array.isArray(value)) {
      value.forEach((item, index) => {
        visit(item, (changed) => replace(value.map((own, place) => (place === index ? changed : own))));
      });
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) visit(item, (changed) => replace({ ...value, [key]: changed }));
    }
  };
  visit(good, (changed) => changed);
  assert.ok(refused > 300, `${refused}`);
});

test('readTokenizer takes names such as __proto__ for tokens like others', () => {
  const tokenizer = readTokenizer(
    '{"model":{"type":"WordLevel","vocab":{"__proto__":0,"constructor":1,"?":2},"unk_token":"?"},"pre_tokenizer":{"type":"WhitespaceSplit"}}',
  );
  assert.deepEqual([...tokenizer.encode('constructor __proto__ toString').ids], [1, 0, 2]);
});

test('Tokenizer.encode refuses a character that no token stands for, and says which', () => {
  const tokenizer = readTokenizer({ model: { type: 'Unigram', vocab: [['a', -1]], unk_id: null } });
  assert.throws(() => tokenizer.encode('aé'), /no token for "é"/);
});
