import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, type Engine, type ProbeReport } from '@amaas/core';
import type { QuarantineVerdict, Registry, VerdictKey } from '../registry/index.ts';
import { Quarantine, type QuarantineCase } from './quarantine.ts';

const REPORT: ProbeReport = {
  signature: { method: 'predict', inputs: [], outputs: [] },
  memoryBytes: 5,
  loadMs: 1,
  runMs: 1,
  msPerRow: null,
  batching: { sound: false, reason: 'no batch dim' },
  warmupSkipped: null,
};

function parts(probe: () => Promise<ProbeReport>) {
  const verdicts = new Map<string, QuarantineVerdict>();
  let probes = 0;
  const engine: Engine = {
    name: 'fake',
    version: '1',
    stuckRuns: 0,
    listExecutionProviders: async () => [],
    load: async () => {
      throw new AmaasError('INTERNAL', 'not loaded here');
    },
    dispose: async () => {},
    probe: () => {
      probes++;
      return probe();
    },
  };
  const registry = {
    getVerdict: async (key: VerdictKey) => verdicts.get(JSON.stringify(key)) ?? null,
    putVerdict: async (key: VerdictKey, verdict: QuarantineVerdict) => {
      verdicts.set(JSON.stringify(key), verdict);
    },
  } as unknown as Registry; // quarantine calls nothing else of it
  const told: string[] = [];
  const quarantine = new Quarantine({ engine, registry, onVerdict: (verdict) => told.push(verdict) });
  return { quarantine, probes: () => probes, told };
}

const subject: QuarantineCase = {
  digest: `sha256:${'a'.repeat(64)}`,
  source: { label: 'm@1', directory: '/m', modelPath: '/m/model.onnx' },
  resources: {},
  limits: { timeoutMs: 1000, maxMemoryBytes: 1000 },
  example: null,
  declared: () => ({ inputs: [], outputs: [] }),
};

test('Quarantine.examine asks the engine once per contents and conditions', async () => {
  const { quarantine, probes, told } = parts(async () => REPORT);
  assert.equal(await quarantine.examine(subject), REPORT);
  assert.deepEqual(await quarantine.examine(subject), REPORT);
  assert.equal(probes(), 1);
  await quarantine.examine({ ...subject, resources: { intraOpThreads: 2 } });
  await quarantine.examine({ ...subject, digest: `sha256:${'b'.repeat(64)}` });
  assert.equal(probes(), 3);
  assert.deepEqual(told, ['admitted', 'admitted', 'admitted']);
});

test('Quarantine.examine remembers what it refused, and tries again only when asked to', async () => {
  const { quarantine, probes } = parts(async () => {
    throw new AmaasError('MODEL_REJECTED', 'm@1 crashed with SIGSEGV');
  });
  const refused = (error: unknown) =>
    error instanceof AmaasError && error.reason === 'MODEL_REJECTED' && /SIGSEGV/.test(error.message);
  await assert.rejects(quarantine.examine(subject), refused);
  await assert.rejects(quarantine.examine(subject), refused);
  assert.equal(probes(), 1);
  // The same file under another name: the remembered refusal speaks of that one.
  const other = { ...subject, source: { ...subject.source, label: 'other@3' } };
  await assert.rejects(quarantine.examine(other), /other@3 crashed with SIGSEGV/);
  await assert.rejects(quarantine.examine({ ...subject, retryRejected: true }), refused);
  assert.equal(probes(), 2);
});

test('Quarantine.examine does not hold failures of the machine against the model', async () => {
  const { quarantine, probes, told } = parts(async () => {
    throw new AmaasError('STORAGE_FULL', 'no space');
  });
  for (let attempt = 1; attempt <= 2; attempt++) {
    await assert.rejects(
      quarantine.examine(subject),
      (error: unknown) => error instanceof AmaasError && error.reason === 'STORAGE_FULL',
    );
    assert.equal(probes(), attempt);
  }
  assert.deepEqual(told, []);
});
