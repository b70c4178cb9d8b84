// A registry in memory and an engine that loads whatever it is told to, for tests of loading and swapping.
import { AmaasError, createTensor, type Engine, type LoadedModel } from '@amaas/core';
import type { ModelRecord, Registry, VersionPolicy, VersionRecord } from '../../registry/index.ts';
import type { ServingEvidence, VersionProvider } from '../ports.ts';

const SIGNATURE = {
  method: 'predict',
  inputs: [{ name: 'x', dtype: 'float32', shape: ['N'] }],
  outputs: [{ name: 'y', dtype: 'float32', shape: ['N'] }],
} as const;

export function versionRecord(model: string, version: number): VersionRecord {
  return {
    model,
    version,
    digest: `sha256:${String(version).padStart(64, '0')}`,
    format: 'onnx',
    sizeBytes: 1,
    signatures: new Map([['serving_default', SIGNATURE]]),
    manifest: {},
    lineage: {},
    files: [],
    createdAt: '2026-01-01T00:00:00.000Z',
  };
}

/** A registry of one model, changed by hand. */
export class FakeRegistry {
  readonly #listeners = new Set<(model: string) => void>();
  record: ModelRecord | null = null;

  set(
    versions: readonly number[],
    options: { readonly policy?: VersionPolicy; readonly labels?: Readonly<Record<string, number>> } = {},
  ): void {
    this.record = {
      name: 'm',
      owner: 'api',
      policy: options.policy ?? { kind: 'latest', count: 1 },
      labels: new Map(Object.entries(options.labels ?? {})),
      versions: versions.map((version) => versionRecord('m', version)),
      createdAt: '2026-01-01T00:00:00.000Z',
    };
    for (const listener of this.#listeners) listener('m');
  }

  remove(): void {
    this.record = null;
    for (const listener of this.#listeners) listener('m');
  }

  /** The three methods the data plane uses, as the class they belong to. */
  asRegistry(): Registry {
    const methods = {
      getModel: async () => this.record,
      listModels: async () => (this.record === null ? [] : [this.record]),
      onChange: (listener: (model: string) => void) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    };
    return methods as unknown as Registry; // the data plane calls nothing else of it
  }
}

/** An engine whose loads succeed, fail or wait as told. Outputs are `x · version`. */
export class FakeProvider implements VersionProvider {
  readonly loaded = new Set<number>();
  readonly failing = new Set<number>();
  /** Loads of these wait for {@link FakeProvider.letGo}. */
  readonly held = new Map<number, () => void>();
  readonly holding = new Set<number>();

  readonly engine: Engine = {
    name: 'fake',
    version: '1',
    listExecutionProviders: async () => ['cpu'],
    probe: async () => {
      throw new AmaasError('INTERNAL', 'not probed here');
    },
    load: (source) => this.#load(Number(source.label.split('@')[1])),
    stuckRuns: 0,
    dispose: async () => {},
  };

  async layOut(version: VersionRecord) {
    return { source: { label: `m@${version.version}`, directory: '/', modelPath: '/model.onnx' }, release: () => {} };
  }

  async evidenceFor(): Promise<ServingEvidence> {
    return {
      signature: SIGNATURE,
      memoryBytes: 1,
      loadMs: 1,
      runMs: 1,
      msPerRow: 0.1,
      batching: { sound: true, rowsTried: 5 },
      warmupSkipped: null,
      hasControlFlow: false,
    };
  }

  letGo(version: number): void {
    this.holding.delete(version);
    this.held.get(version)?.();
  }

  async #load(version: number): Promise<LoadedModel> {
    if (this.holding.has(version)) await new Promise<void>((resolve) => this.held.set(version, resolve));
    if (this.failing.has(version)) throw new AmaasError('MODEL_REJECTED', `version ${version} does not load`);
    this.loaded.add(version);
    return {
      inputs: SIGNATURE.inputs,
      outputs: SIGNATURE.outputs,
      isolation: 'thread',
      instances: 1,
      run: async (inputs) => {
        await new Promise((resolve) => setImmediate(resolve));
        if (!this.loaded.has(version))
          throw new AmaasError('INTERNAL', `version ${version} ran after it was disposed of`);
        const x = inputs.get('x');
        if (x?.dtype !== 'float32') throw new AmaasError('INTERNAL', 'no x');
        const y = createTensor(
          'float32',
          x.shape,
          x.data.map((value) => value * version),
        );
        return { outputs: new Map([['y', y]]), timing: { computeMs: 1 } };
      },
      measureMemoryBytes: () => null,
      dispose: async () => {
        this.loaded.delete(version);
      },
    };
  }
}
