// A registry on a fresh database with short ways to make datasets and runs, for tests.
import type { TestContext } from 'node:test';
import type { StoredBlob } from '../../artifacts/index.ts';
import type { DialectName } from '../../storage/index.ts';
import type { Datasets } from '../datasets.ts';
import type { Runs } from '../runs.ts';
import type { DatasetRecord, RunStart } from '../training-types.ts';
import { createRegistryFixture, type RegistryFixture } from './registry-fixture.ts';

export interface TrainingFixture extends RegistryFixture {
  readonly datasets: Datasets;
  readonly runs: Runs;
  blob(contents: string): Promise<StoredBlob>;
  /** Adds these contents as a dataset of this name. */
  add(name: string, contents: string): Promise<DatasetRecord>;
  /** What starts a run without datasets; its id is `run_` and `suffix`. */
  run(suffix: string): RunStart;
}

export async function createTrainingFixture(context: TestContext, dialect: DialectName): Promise<TrainingFixture> {
  const fixture = await createRegistryFixture(context, dialect);
  const { datasets, runs } = fixture.registry;
  const blob = (contents: string) => fixture.blobs.put(Buffer.from(contents));
  return {
    ...fixture,
    datasets,
    runs,
    blob,
    async add(name, contents) {
      const registration = { name, blob: await blob(contents), mediaType: 'text/csv', createdBy: 'tests' };
      return (await datasets.add(registration)).record;
    },
    run: (suffix) => ({
      id: `run_${suffix}`,
      kind: 'train',
      configuration: {},
      datasets: [],
      codeVersion: '1',
      createdBy: 'tests',
    }),
  };
}
