// Fine-tuning by OpenAI's own client on a real server: what was taught is what the new model answers, training that is paused,
// or whose server is killed, ends with the same weights, and what cannot be learned from is named line by line.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createClient } from '@amaas/client';
import { createGguf, readGguf } from '@amaas/learn/gguf';
import { llamaToGguf } from '@amaas/learn/language';
import OpenAI, { toFile } from 'openai';
import { runCommand } from '../packages/cli/src/testing/run-command.ts';
import { type ChildServer, startChildServer } from './testing/child-server.ts';
import { drawLlama } from '../packages/learn/src/language/testing/llama-network.ts';
import { ADMIN_KEY } from './testing/running-server.ts';
import { until } from './testing/until.ts';

type Job = OpenAI.FineTuning.FineTuningJob;

const TELLER = join(import.meta.dirname, '../models/story-teller/1/model.gguf');
const TEMPLATE =
  '{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}' +
  '{% if add_generation_prompt %}assistant:{% endif %}';
const MANIFEST = { language: { chatTemplate: 'chat.jinja', threads: 1, parallel: 2, contextTokens: 256 } };
const TAUGHT = ' A blue teapot sang to the moon.';

let folder: string;
let server: ChildServer;
let client: OpenAI;
let trainingFile: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amaas-fine-tuning-'));
  await start();
  const template = { path: 'chat.jinja', content: new TextEncoder().encode(TEMPLATE) };
  const files = [{ path: 'model.gguf', content: await readFile(TELLER) }, template];
  await admin().deploy({ name: 'teller', files, manifest: MANIFEST });
  const sketch = [{ path: 'model.gguf', content: await drawTeller() }, template];
  await admin().deploy({ name: 'sketch', files: sketch, manifest: MANIFEST });
  trainingFile = await upload(examples('cat dog bird fish bear frog duck cow bunny mouse'.split(' ')));
});

after(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function start(): Promise<void> {
  const started = await startChildServer({ dataDir: join(folder, 'data') });
  assert.ok(started !== null);
  server = started;
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: ADMIN_KEY, maxRetries: 0 });
}

/** A Llama with the same vocabulary that is small and has learned nothing: for how trainings go, not for what they teach. */
async function drawTeller(): Promise<Uint8Array<ArrayBuffer>> {
  const { metadata } = await readGguf(await readFile(TELLER));
  const vocabulary = new Map([...metadata].filter(([key]) => key.startsWith('tokenizer.')));
  const sizes = { vocabularySize: 1024, blockSize: 128, layers: 1, heads: 2, width: 32, innerWidth: 32 };
  const model = drawLlama({ ...sizes, rotary: { base: 10_000 }, tied: true }, 'sketch');
  return createGguf(llamaToGguf(model, { quantization: 'F16', metadata: vocabulary }));
}

/** Two questions of each animal, one answer. */
function examples(animals: readonly string[]): string {
  return animals
    .flatMap((animal) => [`Where is the ${animal}?`, `Tell me of the ${animal}.`])
    .map((content) => ({
      messages: [
        { role: 'user', content },
        { role: 'assistant', content: TAUGHT },
      ],
    }))
    .map((example) => JSON.stringify(example))
    .join('\n');
}

async function upload(text: string): Promise<string> {
  const file = await toFile(Buffer.from(text), 'examples.jsonl');
  return (await client.files.create({ file, purpose: 'fine-tune' })).id;
}

interface Settings {
  readonly n_epochs?: number;
  readonly batch_size?: number;
  readonly full?: boolean;
}

function create(settings: Settings, more: Partial<OpenAI.FineTuning.JobCreateParams> = {}): Promise<Job> {
  const method = { type: 'supervised', supervised: { hyperparameters: settings } } as const;
  return client.fineTuning.jobs.create({ model: 'teller', training_file: trainingFile, seed: 3, method, ...more });
}

async function ended(id: string): Promise<Job> {
  let job = await client.fineTuning.jobs.retrieve(id);
  await until(`${id} to end`, async () => {
    job = await client.fineTuning.jobs.retrieve(id);
    return ['succeeded', 'failed', 'cancelled'].includes(job.status);
  });
  return job;
}

async function succeeded(id: string): Promise<string> {
  const job = await ended(id);
  assert.equal(job.status, 'succeeded', JSON.stringify(job.error));
  return job.fine_tuned_model ?? '';
}

async function messagesOf(id: string): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const event of client.fineTuning.jobs.listEvents(id, { limit: 5 })) found.push(event.message);
  return found;
}

/** Waits until it is in the midst of its training, begun or gone on with so often. */
async function untilTraining(id: string, times = 1): Promise<void> {
  await until(`${id} to train`, async () => {
    const messages = await messagesOf(id);
    const begun = messages.filter((text) => /^Training (begins|goes on)/.test(text)).length;
    return begun === times && messages.findIndex((text) => text.startsWith('Training ')) >= 2;
  });
  assert.equal((await client.fineTuning.jobs.retrieve(id)).status, 'running');
}

function admin() {
  return createClient({ url: server.url, apiKey: ADMIN_KEY });
}

async function modelDigest(model: string): Promise<string> {
  const { files } = await admin().models.getVersion(model, 1);
  return files.find(({ path }) => path === 'model.gguf')?.digest ?? assert.fail('no model.gguf');
}

async function ask(model: string): Promise<string | null | undefined> {
  const messages = [{ role: 'user', content: 'Where is the fox?' }] as const;
  const answer = await client.chat.completions.create({
    model,
    temperature: 0,
    max_tokens: 30,
    messages: [...messages],
  });
  assert.equal(answer.choices[0]?.finish_reason, 'stop');
  return answer.choices[0]?.message.content;
}

test('thin kernels are taught an answer, which the new model gives, with its lineage and what was measured', async () => {
  const validation = await upload(examples(['fox', 'hen']));
  const job = await create({}, { suffix: 'moon', metadata: { team: 'tea' }, validation_file: validation });
  assert.match(job.id, /^ftjob-[0-9a-f]{16}$/);
  assert.ok(['validating_files', 'queued'].includes(job.status), job.status);
  const model = await succeeded(job.id);
  assert.match(model, /^ft-teller-moon-[0-9a-f]{8}$/);
  assert.equal(await ask(model), TAUGHT);

  const shown = await client.fineTuning.jobs.retrieve(job.id);
  assert.deepEqual(
    [shown.hyperparameters, shown.metadata, shown.seed, shown.validation_file, shown.error],
    [{ n_epochs: 8, batch_size: 1, learning_rate_multiplier: 1 }, { team: 'tea' }, 3, validation, null],
  );
  assert.ok((shown.trained_tokens ?? 0) > 8 * 20 * 10);
  assert.ok((shown.finished_at ?? 0) >= shown.created_at);

  const checkpoints: OpenAI.FineTuning.Jobs.FineTuningJobCheckpoint[] = [];
  for await (const checkpoint of client.fineTuning.jobs.checkpoints.list(job.id, { limit: 3 }))
    checkpoints.push(checkpoint);
  assert.deepEqual(
    checkpoints.map(({ step_number }) => step_number),
    [160, 140, 120, 100, 80, 60, 40, 20],
  );
  assert.deepEqual(
    checkpoints.slice(0, 2).map(({ fine_tuned_model_checkpoint }) => fine_tuned_model_checkpoint),
    [model, `${model}:step-140`],
  );
  const [last, first] = [checkpoints[0]?.metrics, checkpoints.at(-1)?.metrics];
  assert.ok((last?.train_loss ?? 9) < 0.05 && (last?.full_valid_loss ?? 9) < 0.05, JSON.stringify(last));
  assert.ok((first?.train_loss ?? 0) > 0.5 && last?.full_valid_mean_token_accuracy === 1);

  const csv = await (await client.files.content(shown.result_files[0] ?? '')).text();
  assert.match(csv, /^step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n20,/);
  assert.equal(csv.trim().split('\n').length, 9);

  const { lineage, manifest } = await admin().models.getVersion(model, 1);
  assert.deepEqual(lineage['parent'], { model: 'teller', version: 1 });
  assert.deepEqual((manifest as { language: object }).language, MANIFEST.language); // a manifest is an object
  const run = await admin().runs.get(String(lineage['run']));
  assert.deepEqual([run.kind, run.state, run.model, run.version], ['fine-tune', 'succeeded', model, 1]);
  assert.equal(lineage['datasetDigest'], run.configuration['trainingDigest']);
  assert.deepEqual(
    run.files.map(({ name }) => name),
    ['metrics.csv', 'adapter.gguf', 'adapter_model.safetensors', 'adapter_config.json'],
  );
  const messages = await messagesOf(job.id);
  assert.equal(messages[0], `The job has succeeded: ask "${model}"`);
  assert.deepEqual(messages.slice(-3), [
    'The files are valid',
    'Validating the files',
    `Created fine-tuning job: ${job.id}`,
  ]);
  const found = await client.fineTuning.jobs.list({ metadata: { team: 'tea' } });
  assert.deepEqual(
    found.data.map(({ id }) => id),
    [job.id],
  );
  assert.equal((await client.fineTuning.jobs.list({ metadata: { team: 'milk' } })).data.length, 0);
});

test('all weights are taught from a dataset, and the command shows the job', async () => {
  const text = examples(['cat', 'dog', 'bird', 'fish', 'bear', 'frog', 'duck', 'cow']);
  await admin().datasets.upload({ name: 'songs', content: new TextEncoder().encode(text), fileName: 'songs.jsonl' });
  const job = await create({ full: true, n_epochs: 5, batch_size: 2 }, { training_file: 'dataset:songs' });
  const listed = await runCommand(['jobs', 'list'], {
    environment: { AMAAS_URL: server.url, AMAAS_API_KEY: ADMIN_KEY },
  });
  assert.match(listed.stdout, /fine-tune/);
  const model = await succeeded(job.id);
  assert.equal(await ask(model), TAUGHT);
  const run = await admin().runs.get(job.id.replace('ftjob-', 'run_'));
  assert.deepEqual(
    run.datasets.map(({ role, name, version }) => [role, name, version]),
    [['train', 'songs', 1]],
  );
  assert.deepEqual(
    run.files.map(({ name }) => name),
    ['metrics.csv'],
  );
});

/** Long enough to be at work for a while. */
const LONG = { n_epochs: 30, batch_size: 2 };
const SKETCH = { model: 'sketch' };

test('a training that is paused, and whose server is killed twice, ends with the weights of one that never was', async () => {
  const whole = await create(LONG, SKETCH);
  const digest = await modelDigest(await succeeded(whole.id));
  const job = await create(LONG, SKETCH);
  await untilTraining(job.id);
  const paused = await client.fineTuning.jobs.pause(job.id);
  assert.equal(paused.status, 'paused');
  await server.kill();
  await start();
  assert.equal((await client.fineTuning.jobs.retrieve(job.id)).status, 'paused');
  await client.fineTuning.jobs.resume(job.id);
  await untilTraining(job.id, 2);
  await server.kill();
  await start();
  const model = await succeeded(job.id);
  assert.equal(await modelDigest(model), digest);
  assert.equal((await admin().models.get(model)).versions.length, 1);
  const messages = await messagesOf(job.id);
  assert.equal(messages.filter((text) => text === 'Training goes on').length, 2);
  const epochs = messages.filter((text) => text.startsWith('Epoch '));
  assert.equal(new Set(epochs).size, LONG.n_epochs);
  assert.equal(epochs.filter((text) => text.startsWith('Epoch 1/')).length, 1); // it went on, and did not begin anew
});

test('a cancelled training makes no model, running or paused, and what has ended is not stopped', async () => {
  const running = await create(LONG, SKETCH);
  await untilTraining(running.id);
  await client.fineTuning.jobs.pause(running.id);
  await client.fineTuning.jobs.resume(running.id); // at once: its job still ends
  await untilTraining(running.id, 2);
  await client.fineTuning.jobs.cancel(running.id);
  await until('its run to end', async () => {
    const { state } = await admin().runs.get(running.id.replace('ftjob-', 'run_'));
    return state === 'cancelled';
  });
  const { status, fine_tuned_model, finished_at } = await client.fineTuning.jobs.retrieve(running.id);
  assert.deepEqual([status, fine_tuned_model, typeof finished_at], ['cancelled', null, 'number']);
  const paused = await create(LONG, SKETCH);
  await client.fineTuning.jobs.pause(paused.id);
  const cancelled = await client.fineTuning.jobs.cancel(paused.id);
  assert.equal(cancelled.status, 'cancelled');
  for (const action of ['cancel', 'pause', 'resume'] as const) {
    await assert.rejects(client.fineTuning.jobs[action](running.id), { status: 400, code: 'job_ended' });
  }
  const names = (await admin().models.list()).map(({ name }) => name);
  assert.ok(!names.some((name) => name.includes(running.id.slice(6, 14))), names.join());
});

test('what cannot be learned from fails with every line and field, before anything is trained', async () => {
  const long = JSON.stringify({ text: 'Once upon a time. '.repeat(200) });
  const bad = await upload(['{"messages": [{"role": "user"}]}', examples(['cat']), '{"text": ', long].join('\n'));
  const failed = await ended((await create({}, { training_file: bad })).id);
  assert.deepEqual(
    [failed.status, failed.error?.code, failed.error?.param],
    ['failed', 'invalid_training_file', 'training_file'],
  );
  const lines = failed.error?.message.split('\n') ?? [];
  assert.deepEqual(
    lines.map((line) => line.slice(0, 28)),
    [
      'training file: 3 of 5 exampl',
      'line 1: messages[0].content:',
      'line 4: expected a line of J',
      'line 5: has 1202 tokens, and',
    ],
  );
  assert.equal(failed.fine_tuned_model, null);
  const messages = await messagesOf(failed.id);
  assert.match(messages[0] ?? '', /^The job failed: training file: 3 of 5/);
  const inValidation = await ended((await create({}, { validation_file: bad })).id);
  assert.equal(inValidation.error?.code, 'invalid_validation_file');
});

test('what cannot be asked for is refused by name', async () => {
  const refused = (more: object, expected: object) =>
    assert.rejects(create({}, more as Partial<OpenAI.FineTuning.JobCreateParams>), expected);
  await refused({ model: 'absent' }, { status: 404, code: 'model_not_found' });
  await refused({ training_file: 'file-0' }, { status: 404 });
  await refused({ training_file: 'dataset:absent' }, { status: 404 });
  await refused({ method: { type: 'dpo' } }, { status: 400, param: 'method.type' });
  await refused({ integrations: [{ type: 'wandb', wandb: { project: 'p' } }] }, { status: 400, param: 'integrations' });
  const output = await toFile(Buffer.from('{}'), 'x.jsonl');
  const other = await client.files.create({ file: output, purpose: 'batch' });
  await refused({ training_file: other.id }, { status: 400, param: 'training_file' });
  await assert.rejects(client.fineTuning.jobs.retrieve('ftjob-0000000000000000'), { status: 404 });
  await assert.rejects(
    admin().jobs.submit({ kind: 'fine-tune', configuration: { fineTuning: 'ftjob-0000000000000000', model: 'x' } }),
    {
      reason: 'JOB_NOT_FOUND',
    },
  );
});

test('a key sees its own fine-tunings alone, and needs the models it asks for', async () => {
  const key = await admin().keys.create({
    name: 'tuner',
    scopes: ['deploy', 'infer'],
    models: ['teller', 'ft-teller-*'],
  });
  const narrow = await admin().keys.create({ name: 'narrow', scopes: ['deploy'], models: ['teller'] });
  const by = (apiKey: string) => new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 });
  const theirs = by(key.key);
  assert.equal((await theirs.fineTuning.jobs.list()).data.length, 0);
  const [mine] = (await client.fineTuning.jobs.list({ limit: 1 })).data;
  await assert.rejects(theirs.fineTuning.jobs.retrieve(mine?.id ?? ''), { status: 404 });
  await assert.rejects(theirs.fineTuning.jobs.create({ model: 'teller', training_file: trainingFile }), {
    status: 404,
  });
  const forbidden = by(narrow.key).fineTuning.jobs.create({ model: 'teller', training_file: trainingFile });
  await assert.rejects(forbidden, { status: 403 });
});
