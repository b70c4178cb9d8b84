import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FolderCandidate } from './folder-candidate.ts';
import { FolderMemory, type KnownVersion, QUIET_MS, SETTLE_MS } from './folder-memory.ts';

const WALL_MS = Date.UTC(2026, 0, 2);

interface Shape {
  readonly model?: string;
  readonly version?: number | null;
  readonly sizeBytes?: number;
  readonly mtimeMs?: number;
  readonly ctimeMs?: number;
  readonly problem?: string;
  readonly isUnreadable?: true;
  readonly location?: string;
}

/** A candidate with one file, changed at the start of the test. */
function candidate(shape: Shape = {}): FolderCandidate {
  const {
    model = 'm',
    version = 1,
    sizeBytes = 10,
    mtimeMs = WALL_MS,
    ctimeMs = mtimeMs,
    problem,
    isUnreadable,
  } = shape;
  const location = shape.location ?? (version === null ? `${model}.onnx` : `${model}/${version}`);
  return {
    location,
    model,
    version,
    directory: `/models/${location}`,
    modelFile: 'model.onnx',
    manifestFile: null,
    configFile: null,
    files: [{ path: 'model.onnx', source: `/models/${location}/model.onnx`, sizeBytes, mtimeMs, ctimeMs, inode: 1 }],
    ...(problem === undefined ? {} : { problem }),
    ...(isUnreadable === undefined ? {} : { isUnreadable }),
  };
}

/** Looks at the given times and tells what came of it: `100: candidate m/1, next 300`. */
function follow(
  looks: readonly [atMs: number, candidates: readonly FolderCandidate[]][],
  known: readonly KnownVersion[] = [],
) {
  const memory = new FolderMemory(known);
  return looks.map(([atMs, candidates]) => {
    const { events, nextLookMs } = memory.look(candidates, { nowMs: 5_000 + atMs, wallMs: WALL_MS + atMs });
    const texts = events.map((event) =>
      event.kind === 'removed'
        ? `removed ${event.model}@${event.version}`
        : `${event.kind} ${event.candidate.location} ${event.candidate.files[0]?.sizeBytes}`,
    );
    return `${texts.join(', ') || '-'}${nextLookMs === null ? '' : `; next ${nextLookMs}`}`;
  });
}

test('FolderMemory hands out what was the same in two looks far enough apart, once', () => {
  const c = [candidate()];
  assert.deepEqual(
    follow([
      [0, c],
      [SETTLE_MS - 1, c],
      [SETTLE_MS, c],
      [SETTLE_MS + 1, c],
      [9_000, c],
    ]),
    [`-; next ${SETTLE_MS}`, '-; next 1', 'candidate m/1 10', '-', '-'],
  );
});

test('FolderMemory hands out at first sight what has rested long enough, by the later of both file times', () => {
  const old = WALL_MS - QUIET_MS;
  assert.deepEqual(follow([[0, [candidate({ mtimeMs: old })]]]), ['candidate m/1 10']);
  assert.deepEqual(follow([[0, [candidate({ mtimeMs: old + 1 })]]]), [`-; next ${SETTLE_MS}`]);
  // cp -p and tar set the modification time back
  assert.deepEqual(follow([[0, [candidate({ mtimeMs: old - 1e9, ctimeMs: old + 1 })]]]), [`-; next ${SETTLE_MS}`]);
  assert.deepEqual(follow([[0, [candidate({ mtimeMs: WALL_MS + 1e9 })]]]), [`-; next ${SETTLE_MS}`]); // a clock ahead
});

test('FolderMemory waits longer for what it has seen growing', () => {
  const [a, b, c] = [1, 2, 3].map((sizeBytes) => [candidate({ sizeBytes })]);
  assert(a && b && c);
  assert.deepEqual(
    follow([
      [0, a],
      [100, b],
      [100 + SETTLE_MS, b], // a pause of the writer
      [500, c],
      [500 + QUIET_MS - 1, c],
      [500 + QUIET_MS, c],
    ]),
    [
      `-; next ${SETTLE_MS}`,
      `-; next ${QUIET_MS}`,
      `-; next ${QUIET_MS - SETTLE_MS}`,
      `-; next ${QUIET_MS}`,
      '-; next 1',
      'candidate m/1 3',
    ],
  );
});

test('FolderMemory hands out a changed version again, quickly when it changed in one piece', () => {
  const [a, b, c, d] = [1, 2, 3, 4].map((sizeBytes) => [
    candidate({ sizeBytes, mtimeMs: WALL_MS - 60_000 + sizeBytes }),
  ]);
  assert(a && b && c && d);
  assert.deepEqual(
    follow([
      [0, a],
      [1_000, b],
      [1_000 + SETTLE_MS, b],
      [2_000, c],
      [2_100, d],
      [2_100 + SETTLE_MS, d],
      [2_100 + QUIET_MS, d],
    ]),
    [
      'candidate m/1 1',
      `-; next ${SETTLE_MS}`,
      'candidate m/1 2',
      `-; next ${SETTLE_MS}`,
      `-; next ${QUIET_MS}`,
      `-; next ${QUIET_MS - SETTLE_MS}`,
      'candidate m/1 4',
    ],
  );
});

test('FolderMemory reports a removal when two looks have missed the version', () => {
  const c = [candidate({ mtimeMs: 0 }), candidate({ version: 2, mtimeMs: 0 })];
  const [, two] = c;
  assert(two);
  assert.deepEqual(
    follow([
      [0, c],
      [10, [two]],
      [20, c],
      [30, [two]],
      [29 + SETTLE_MS, [two]],
      [30 + SETTLE_MS, [two]],
      [9_000, [two]],
    ]),
    [
      'candidate m/1 10, candidate m/2 10',
      `-; next ${SETTLE_MS}`,
      '-', // back again: it was a blink
      `-; next ${SETTLE_MS}`,
      '-; next 1',
      'removed m@1',
      '-',
    ],
  );
});

test('FolderMemory says nothing of the removal of what it never handed out', () => {
  assert.deepEqual(
    follow([
      [0, [candidate()]],
      [10, []],
      [1_000, []],
      [2_000, []],
    ]),
    [`-; next ${SETTLE_MS}`, `-; next ${SETTLE_MS}`, '-', '-'],
  );
});

test('FolderMemory reports problems once, and takes back a version that became one', () => {
  const good = [candidate({ mtimeMs: 0 })];
  const bad = [candidate({ mtimeMs: 0, problem: 'no model.onnx' })];
  assert.deepEqual(
    follow([
      [0, good],
      [100, bad],
      [100 + SETTLE_MS, bad],
      [5_000, bad],
      [6_000, good],
      [6_000 + SETTLE_MS, good],
    ]),
    [
      'candidate m/1 10',
      `-; next ${SETTLE_MS}`,
      'removed m@1, problem m/1 10',
      '-',
      `-; next ${SETTLE_MS}`,
      'candidate m/1 10',
    ],
  );
});

test('FolderMemory concludes nothing from what it could not read', () => {
  const good = [candidate({ mtimeMs: 0 })];
  const unreadableModel = [candidate({ location: 'm', version: null, problem: 'EACCES', isUnreadable: true })];
  const unreadableVersion = [candidate({ problem: 'EACCES', isUnreadable: true })];
  for (const unreadable of [unreadableModel, unreadableVersion]) {
    const told = follow([
      [0, good],
      [100, unreadable],
      [500, unreadable],
      [900, unreadable],
      [1_000, good],
      [2_000, good],
      [3_000, []],
      [4_000, []],
    ]);
    assert(!told.slice(0, 6).some((text) => text.includes('removed')), told.join('\n'));
    assert.equal(told.at(-1), 'removed m@1');
  }
});

test('FolderMemory reports known versions that are gone, but not while the folder is empty', () => {
  const known = [1, 2, 3].map((version) => ({ model: 'm', version }));
  const c = [candidate({ mtimeMs: 0 }), candidate({ version: 3, mtimeMs: 0, problem: 'no model.onnx' })];
  assert.deepEqual(
    follow(
      [
        [0, []],
        [60_000, []],
        [70_000, c],
        [70_000 + SETTLE_MS, c],
        [80_000, c],
      ],
      known,
    ),
    [
      '-',
      '-',
      `candidate m/1 10, problem m/3 10; next ${SETTLE_MS}`.replace('problem', 'removed m@3, problem'),
      'removed m@2',
      '-',
    ],
  );
});

test('FolderMemory takes a single file for all versions of its model', () => {
  const known = [1, 2].map((version) => ({ model: 'm', version }));
  const other = candidate({ model: 'other', mtimeMs: 0 });
  const single = candidate({ version: null, mtimeMs: 0 });
  assert.deepEqual(
    follow(
      [
        [0, [single, other]],
        [1_000, [single, other]],
        [2_000, [other]],
        [3_000, [other]],
      ],
      known,
    ),
    ['candidate m.onnx 10, candidate other/1 10', '-', `-; next ${SETTLE_MS}`, 'removed m@null'],
  );
});

test('FolderMemory keeps what it knew of a single file of any kind and writing', () => {
  for (const location of ['m.gguf', 'M.GGUF', 'm.onnx']) {
    const single = candidate({ version: null, location, mtimeMs: 0 });
    const looks = follow(
      [
        [0, [single]],
        [1_000, [single]],
        [2_000, [single]],
      ],
      [{ model: 'm', version: 3 }],
    );
    assert.deepEqual(looks, [`candidate ${location} 10`, '-', '-'], location);
  }
});
