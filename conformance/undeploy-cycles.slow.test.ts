// Deploying and deleting a model over and over gives its memory, its threads and its processes back.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { childPids, skipWithoutProc } from '../packages/engines/ort-node/src/testing/machine.ts';
import { adminCall, deployFiles } from './testing/admin-call.ts';
import { type ChildServer, startChildServer } from './testing/child-server.ts';
import { layerModel } from './testing/models.ts';
import type { TestServer } from './testing/running-server.ts';

const MIB = 1024 * 1024;

/** Deployments of each kind; a process takes longest to start. */
const CYCLES = [
  { isolation: 'inline', cycles: 300 },
  { isolation: 'thread', cycles: 170 },
  { isolation: 'process', cycles: 30 },
] as const;

/** What the server may have grown by between the first and the last fifth of a kind's cycles. */
const MAX_GROWTH_BYTES = 25 * MIB;

test('500 deployments and deletions do not make the server grow', { skip: skipWithoutProc }, async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'amaas-cycles-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const server = await startChildServer({ dataDir, flags: { logLevel: 'warn' } });
  assert.ok(server !== null);
  t.after(() => server.kill());
  const callable = { url: server.url, request: server.request } as TestServer; // calls need only these two
  const model = layerModel(256, 64); // 64 KiB of weights
  for (const { isolation, cycles } of CYCLES) {
    const curve: number[] = [];
    for (let cycle = 0; cycle < cycles; cycle++) {
      const deployed = await deployFiles(callable, 'cycled', { 'model.onnx': model }, { manifest: { isolation } });
      assert.equal(deployed.status, 201, deployed.text);
      await inferOnce(server);
      assert.equal((await adminCall(callable, 'DELETE', 'models/cycled')).status, 204);
      if ((cycle + 1) % (cycles / 10) === 0) curve.push(await residentBytes(server.pid));
    }
    t.diagnostic(
      `${isolation}: resident MiB after every ${cycles / 10}: ${curve.map((bytes) => (bytes / MIB).toFixed(0)).join(' ')}`,
    );
    const [early = 0, late = 0] = [curve[1], curve.at(-1)];
    assert.ok(late - early < MAX_GROWTH_BYTES, `${isolation}: from ${early} to ${late} bytes`);
  }
  assert.equal((await adminCall(callable, 'GET', 'models/cycled')).status, 404);
  assert.doesNotMatch(await (await server.request('/metrics')).text(), /model="cycled"/, 'no series is left');
  assert.deepEqual(childPids(server.pid), [], 'no process is left');
  const open = await readdir(`/proc/${server.pid}/fd`);
  assert.ok(open.length < 60, `${open.length} files are open`);
  assert.equal(await server.stop(), 0);
});

async function inferOnce(server: ChildServer): Promise<void> {
  const body = JSON.stringify({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 256], data: Array(256).fill(0.5) }],
  });
  const response = await server.request('/v2/models/cycled/infer', { method: 'POST', body });
  assert.equal(response.status, 200, await response.text());
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}
