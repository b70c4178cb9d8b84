// A model that amaas trained and that is deployed as a file says the same about itself as one that its training deployed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readModel, writeModel } from '@amaas/learn/onnx';
import { startTestServer, type TestServer } from './testing/running-server.ts';
import { deployFiles } from './testing/text-models.ts';
import { echoModel } from './testing/tfs-models.ts';

const table = { format: 'amaas-table-1', target: { column: 'y' }, columns: [{ name: 'x', kind: 'number' }] };
const metadata = [
  { key: 'amaas.table', value: JSON.stringify(table) },
  { key: 'amaas.media', value: 'damaged' },
];
const model = writeModel({ ...readModel(echoModel('float32', ['N'])), metadata });

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

interface Detail {
  readonly lineage: { readonly configuration?: Readonly<Record<string, unknown>>; readonly seed?: number };
}

async function lineageOf(version: string): Promise<Detail['lineage']> {
  const reply = await server.request(`/admin/v1/models/${version}`);
  return ((await reply.json()) as Detail).lineage; // its use checks it
}

test('a deployed file leaves in the lineage what it says about itself', async () => {
  const reply = await deployFiles(server, 'described', { 'model.onnx': model });
  assert.equal(reply.status, 201, reply.text);
  assert.deepEqual((await lineageOf('described/versions/1')).configuration, { table });
  await server.deploy('plain', echoModel('float32', ['N']));
  assert.equal((await lineageOf('plain/versions/1')).configuration, undefined);
});

test('what the training of a version has left wins over its file', async () => {
  const { files } = JSON.parse((await deployFiles(server, 'other', { 'model.onnx': model })).text) as {
    files: { path: string; digest: string }[];
  };
  const told = { table: { format: 'amaas-table-1', columns: [] }, epochs: 3 };
  const reply = await server.request('/admin/v1/models/trained/versions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      files: files.map(({ path, digest }) => ({ path, digest })),
      lineage: { configuration: told, seed: 7 },
    }),
  });
  assert.equal(reply.status, 201, await reply.text());
  const lineage = await lineageOf('trained/versions/1');
  assert.deepEqual([lineage.configuration, lineage.seed], [told, 7]);
});
