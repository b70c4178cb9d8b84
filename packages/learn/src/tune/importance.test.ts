import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStudyDefinition } from './definition.ts';
import { computeImportance, type ParameterImportance } from './importance.ts';
import { runStudy, type RunTrial } from './run-study.ts';
import { createStudy } from './study.ts';
import { FakeClock } from './testing/fake-clock.ts';

const SPACE = {
  strong: { logUniform: [1e-4, 1] },
  weak: { integer: [0, 100] },
  nothing: { uniform: [0, 1] },
  kind: { choice: ['good', 'bad'] },
  fixed: 3,
  rare: { uniform: [0, 1], when: { kind: 'bad' } },
};

async function importanceOf(
  runTrial: RunTrial,
  trials: number,
  seed = 0,
): Promise<ReadonlyMap<string, ParameterImportance>> {
  const definition = parseStudyDefinition({ space: SPACE, sampler: { kind: 'random' }, seed });
  const study = createStudy(definition, { clock: new FakeClock(), sink: () => {} });
  await runStudy(study, { runTrial, maxTrials: trials });
  return new Map(computeImportance(study).map((each) => [each.name, each]));
}

test('computeImportance orders parameters by the variance they explain', async () => {
  const shares = await importanceOf(async ({ configuration }) => {
    const strong = Math.log10(Number(configuration.get('strong'))); // variance 16/12 = 1.33
    const weak = Number(configuration.get('weak')) / 50; // variance 4/12 = 0.33
    return 1e6 * (strong + weak + (configuration.get('kind') === 'good' ? -0.6 : 0.6)); // variance 0.36
  }, 600);
  const share = (name: string): number => shares.get(name)?.share ?? Number.NaN;
  // Of a total variance of 2.03; four bins see all but a sixteenth of a linear effect.
  assert(Math.abs(share('strong') - (1.33 / 2.03) * (15 / 16)) < 0.08, String(share('strong')));
  assert(Math.abs(share('weak') - (0.33 / 2.03) * (15 / 16)) < 0.08, String(share('weak')));
  assert(Math.abs(share('kind') - 0.36 / 2.03) < 0.08, String(share('kind')));
  assert(share('nothing') < 0.02, String(share('nothing')));
  assert(share('rare') < 0.02, String(share('rare')));
  const bad = shares.get('rare')?.trials ?? 0;
  assert(bad > 250 && bad < 350, String(bad));
  assert.equal(shares.get('fixed')?.share, null);
});

test('computeImportance says nothing about few trials and takes chance off', async () => {
  const few = await importanceOf(async ({ index }) => index, 9);
  assert.equal(few.get('strong')?.share, null);
  // Twenty trials of pure chance, forty times: without the correction four bins would explain 3/19 = 0.158 on average.
  let mean = 0;
  for (let seed = 0; seed < 40; seed++) {
    const chance = await importanceOf(async ({ index }) => (index * 7919) % 101, 20, seed);
    mean += (chance.get('nothing')?.share ?? 1) / 40;
  }
  assert(mean < 0.09, String(mean));
  const constant = await importanceOf(async () => 5, 20);
  assert.equal(constant.get('strong')?.share, 0);
});
