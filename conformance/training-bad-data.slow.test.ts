// `amaas train` on data that cannot be learned from, or not as it is: what is wrong, what to do, exit code 1, and nothing
// deployed or left behind. And on data that is merely bad: said, and trained all the same.
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { AmaasHome, type CommandResult, type ServedAmaas } from './testing/amaas-command.ts';

let home: AmaasHome;
let server: ServedAmaas;

before(async () => {
  home = await AmaasHome.create();
  server = await home.serve(['--bundled-models', 'off']);
});

after(() => home.dispose());

function train(file: string, ...argv: readonly string[]): Promise<CommandResult> {
  const target = argv.includes('--target') ? [] : ['--target', 'y'];
  return home.run(['train', file, ...target, ...argv], { environment: { AMAAS_URL: server.url } });
}

async function put(name: string, lines: readonly string[] | Uint8Array): Promise<string> {
  await writeFile(
    join(home.folder, name),
    lines instanceof Uint8Array ? lines : lines.map((line) => `${line}\n`).join(''),
  );
  return name;
}

/** Rows of a number, a colour and an answer that depends on both, a little. */
function rows(count: number, more: (row: number, answer: number) => string = () => ''): string[] {
  let state = 1;
  const random = (): number => {
    state = (state * 48_271) % 2_147_483_647; // Lehmer's generator: the same rows everywhere
    return state / 2_147_483_647;
  };
  return Array.from({ length: count }, (_, row) => {
    const size = random();
    const color = ['red', 'green', 'blue'][Math.floor(random() * 3)] ?? '';
    const answer = size + (color === 'red' ? 0.5 : 0) + random() > 1.2 ? 1 : 0;
    return `${size.toFixed(4)},${color},${more(row, answer)}${answer}`;
  });
}

/** What cannot be trained, and what is said about it. */
const REFUSED: readonly (readonly [
  what: string,
  content: () => readonly string[] | Uint8Array,
  said: RegExp,
  argv?: readonly string[],
])[] = [
  ['an empty file', () => [], /is empty \(0 bytes\); check where it came from/],
  ['a header only', () => ['size,color,y'], /has no rows; check the file/],
  [
    'one class only',
    () => ['a,b,y', ...rows(60).map((row) => row.replace(/.$/, '1'))],
    /target "y" is "1" in every row, .*add rows of another class/,
  ],
  [
    'a target without values',
    () => ['a,b,y', ...rows(60).map((row) => row.replace(/.$/, ''))],
    /target "y" has no value in any of the 60 rows; name another target/,
  ],
  [
    'an unknown target',
    () => ['size,color,outcome', ...rows(60)],
    /there is no column "outcom"; there are "size", "color", "outcome"\. Did you mean "outcome"\?/,
    ['--target', 'outcom'],
  ],
  [
    'an unknown column to leave out',
    () => ['size,color,y', ...rows(60)],
    /there is no column "colour"; .*Did you mean "color"\?/,
    ['--exclude', 'colour'],
  ],
  [
    'features that tell nothing',
    () => ['k,y', ...rows(60).map((row) => `same,${row.at(-1)}`)],
    /no column besides target "y" tells rows apart; add columns to learn from/,
  ],
  ['names that come twice', () => ['a,a,y', ...rows(60)], /names that come twice: "a" \(columns 1, 2\); rename them/],
  [
    'text where numbers were',
    () => ['a,b,y', ...rows(100).map((row, at) => (at % 30 === 3 ? row.replace(/^[^,]+/, 'n.a.') : row))],
    /column "a" is text because 4 values of 100 are no numbers \(rows 4, 34, 64, 94: "n\.a\."\); correct them, .*\nSay --missing <text> where it means "no value", --as a=string where text is meant, or --exclude a\.\n/,
  ],
  [
    'the target in a feature',
    () => ['a,b,code,y', ...rows(100, (_, answer) => `${answer === 1 ? 'yes' : 'no'},`)],
    /column "code" alone tells .* the target "y": it may be known only afterwards; .*\nLeave it out with --exclude code; or, where it is known when predicting, say --allow-leakage\.\n/,
  ],
  [
    'lines of different lengths',
    () => ['a,b,y', '1,2,0', '1,2', '3,4,1'],
    /3 cells a line are expected, .* line 3 has 2\. Correct them, or say how/,
  ],
  ['no text at all', () => Uint8Array.from({ length: 3000 }, (_, at) => ((at * 7919) % 251) + 1), /./],
  ['too few rows', () => ['a,b,y', ...rows(3)], /./],
];

for (const [what, content, said, argv = []] of REFUSED) {
  test(`train refuses ${what}, and says what to do`, async () => {
    const file = await put('bad.csv', content());
    const { code, stdout, stderr } = await train(file, ...argv);
    assert.deepEqual([code, stdout], [1, ''], stderr);
    assert.match(stderr, /^amaas: /);
    assert.doesNotMatch(stderr, /\n {4}at /, 'a message, not a stack');
    assert.match(stderr, said);
    const models = await home.run(['models', 'list', '--json'], { environment: { AMAAS_URL: server.url } });
    assert.deepEqual(JSON.parse(models.stdout), { models: [] }, 'nothing is deployed');
    assert.ok(!(await readdir(home.folder)).includes('trained'), 'nothing is left behind');
  });
}

test('train says what it makes of a refused file once it is told', async () => {
  const text = rows(100).map((row, at) => (at % 30 === 3 ? row.replace(/^[^,]+/, 'n.a.') : row));
  await put('text.csv', ['a,b,y', ...text]);
  const quick = ['--epochs', '2', '--no-deploy'];
  assert.match((await train('text.csv', '--missing', 'n.a.', ...quick)).stdout, /^numbers +a\n/m);
  const asText = await train('text.csv', '--as', 'a=string', ...quick);
  assert.equal(asText.code, 0, asText.stderr);
  await put('leak.csv', ['a,b,code,y', ...rows(100, (_, answer) => `${answer === 1 ? 'yes' : 'no'},`)]);
  assert.match((await train('leak.csv', '--exclude', 'code', ...quick)).stdout, /^excluded +code\n/m);
  assert.match((await train('leak.csv', '--allow-leakage', ...quick)).stdout, /^warning: column "code" alone tells/m);
  await put('ragged.csv', ['a,b,y', ...rows(60), '0.5,red']);
  assert.equal((await train('ragged.csv', '--ragged', 'drop', ...quick)).code, 0);
  await put('twice.csv', ['a,a,y', ...rows(60)]);
  assert.match((await train('twice.csv', '--duplicate-names', 'rename', ...quick)).stdout, /^categories +a_2\n/m);
});

test('train warns of what is merely bad, leaves out what is no use, and serves the rest', async () => {
  const noted = (row: number, answer: number): string =>
    `,same,id-${row},group-${(row * 7) % 1500},${answer === 1 && row % 97 === 0 ? 'x' : ''},`;
  await put('poor.csv', ['size,color,nothing,constant,id,group,rare,y', ...rows(4000, noted)]);
  const { code, stdout, stderr } = await train('poor.csv', '--epochs', '2');
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    /^left out +nothing \(has no values\), constant \(has one value everywhere\), id \(names its row\)/m,
  );
  assert.doesNotMatch(stdout, /^warning: column "(nothing|constant|id)"/m, 'what is left out does no harm');
  assert.match(stdout, /^warning: column "group" has 1,500 categories, too many for one-hot/m);
  assert.match(stdout, /^served +poor@1 at /m);
  const unseen = '{"size":[0.9,null],"color":["purple",null],"group":["never-seen",null]}';
  const asked = await home.run(['predict', 'poor', '--data', unseen], { environment: { AMAAS_URL: server.url } });
  assert.match(asked.stdout, /label +string \[2\]/, asked.stderr);
});

test('a served model says which column of a row is missing, unknown, or not of its kind', async () => {
  await put('plain.csv', ['size,color,ok,y', ...rows(300, (row) => `${row % 3 === 0},`)]);
  const { code, stderr } = await train('plain.csv', '--epochs', '2', '--name', 'plain');
  assert.equal(code, 0, stderr);
  const row = { size: 0.4, color: 'red', ok: true };
  const { size: _, ...lacking } = row;
  const messages: readonly (readonly [instance: object, message: RegExp])[] = [
    [lacking, /keys must be equal to: .*; "size" is missing: null where there is no value/],
    [{ ...row, colour: 'red' }, /does not have named input: colour/],
    [{ ...row, size: 'big' }, /key: size of 'instances' list.*"big" Type: String is not of expected type: float/],
    [
      { ...row, ok: null },
      /key: ok .*null Type: Null is not of expected type: bool; null means a missing value, which only float/,
    ],
    [{ ...row, color: 7 }, /key: color .*7 Type: Number is not of expected type: string/],
  ];
  const { key } = await credentials();
  for (const [instance, message] of messages) {
    const reply = await fetch(`${server.url}/v1/models/plain:predict`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ instances: [row, instance] }),
    });
    assert.equal(reply.status, 400);
    const { error } = (await reply.json()) as { readonly error: string }; // the protocol's body
    assert.match(error, message);
  }
});

async function credentials(): Promise<{ readonly key: string }> {
  const [key = ''] = Object.values(JSON.parse(await readFile(home.credentialsFile, 'utf8')));
  return { key: String(key) };
}
