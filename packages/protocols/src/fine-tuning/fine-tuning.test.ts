import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFineTuningRequest } from './create-request.ts';
import { encodeFineTuning, encodeFineTuningCheckpoint } from './descriptions.ts';
import { readTrainingExample } from './training-example.ts';

const LEAST = { model: 'story-teller', training_file: 'file-1' };

function supervised(hyperparameters: object): object {
  return { ...LEAST, method: { type: 'supervised', supervised: { hyperparameters } } };
}

test('readFineTuningRequest reads both forms of hyperparameters, and our own two fields', () => {
  const { hyperparameters } = readFineTuningRequest(LEAST);
  assert.deepEqual(hyperparameters, {
    ...{ epochs: 'auto', batchSize: 'auto', learningRateMultiplier: 'auto' },
    lora: { rank: 8, alpha: 16 },
  });
  const given = { n_epochs: 4, batch_size: 'auto', learning_rate_multiplier: 0.5 };
  const expected = { epochs: 4, batchSize: 'auto', learningRateMultiplier: 0.5 };
  const old = readFineTuningRequest({ ...LEAST, hyperparameters: given });
  assert.deepEqual(old.hyperparameters, { ...expected, lora: { rank: 8, alpha: 16 } });
  const whole = readFineTuningRequest(supervised({ ...given, full: true }));
  assert.deepEqual(whole.hyperparameters, { ...expected, lora: null });
  assert.deepEqual(readFineTuningRequest(supervised({ lora: { rank: 3 } })).hyperparameters.lora, {
    rank: 3,
    alpha: 6,
  });
  const rest = { suffix: 'a-b', seed: 5, metadata: { team: 'x' }, integrations: null, validation_file: 'file-2' };
  const read = readFineTuningRequest({ ...LEAST, ...rest });
  assert.deepEqual([read.suffix, read.seed, read.metadata, read.validationFile], ['a-b', 5, [['team', 'x']], 'file-2']);
});

test('readFineTuningRequest refuses what is not done by its name', () => {
  const refused: readonly (readonly [body: object, reason: string, field: string])[] = [
    [{ model: 'm' }, 'INVALID_ARGUMENT', 'training_file'],
    [{ ...LEAST, method: { type: 'dpo', dpo: {} } }, 'UNSUPPORTED_FEATURE', 'method.type'],
    [{ ...LEAST, method: { type: 'reinforcement' } }, 'UNSUPPORTED_FEATURE', 'method.type'],
    [{ ...LEAST, integrations: [{ type: 'wandb' }] }, 'UNSUPPORTED_FEATURE', 'integrations'],
    [{ ...LEAST, suffix: 'Not Allowed' }, 'INVALID_ARGUMENT', 'suffix'],
    [{ ...LEAST, epochs: 3 }, 'INVALID_ARGUMENT', 'epochs'],
    [supervised({ n_epochs: 0 }), 'INVALID_ARGUMENT', 'method.supervised.hyperparameters.n_epochs'],
    [supervised({ n_epochs: 'many' }), 'INVALID_ARGUMENT', 'method.supervised.hyperparameters.n_epochs'],
    [supervised({ beta: 1 }), 'INVALID_ARGUMENT', 'method.supervised.hyperparameters.beta'],
    [supervised({ full: true, lora: { rank: 2 } }), 'INVALID_ARGUMENT', 'method.supervised.hyperparameters.lora'],
    [supervised({ lora: { rank: 0 } }), 'INVALID_ARGUMENT', 'method.supervised.hyperparameters.lora.rank'],
    [{ ...LEAST, metadata: { a: 1 } }, 'INVALID_ARGUMENT', 'metadata'],
    [{ ...supervised({}), hyperparameters: {} }, 'INVALID_ARGUMENT', 'hyperparameters'],
  ];
  for (const [body, reason, field] of refused) {
    assert.throws(
      () => readFineTuningRequest(body),
      (error: { readonly reason: string; readonly details: object }) => {
        assert.deepEqual([error.reason, error.details], [reason, { field }]);
        return true;
      },
    );
  }
});

test('readTrainingExample reads conversations with weights and tools, completions and texts', () => {
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Hello', weight: 0 },
    { role: 'user', content: [{ type: 'text', text: 'Bye' }] },
    { role: 'assistant', content: 'See you' },
  ];
  const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object' } } }];
  const chat = readTrainingExample(JSON.stringify({ messages, tools }));
  assert.ok(chat.kind === 'chat');
  assert.deepEqual(chat.learned, [false, false, false, false, true]);
  assert.deepEqual(chat.messages[3], { role: 'user', content: 'Bye' });
  assert.deepEqual(
    chat.tools.map(({ name }) => name),
    ['look'],
  );
  assert.deepEqual(readTrainingExample('{"prompt":"","completion":" x"}'), {
    kind: 'completion',
    prompt: '',
    completion: ' x',
  });
  assert.deepEqual(readTrainingExample('{"text":"a"}'), { kind: 'text', text: 'a' });
});

test('readTrainingExample names the field that is wrong', () => {
  const user = { role: 'user', content: 'a' };
  const refused: readonly (readonly [line: string, field: string, message: RegExp])[] = [
    ['{"messages":', '', /line of JSON/],
    ['[1]', '', /object/],
    ['{"a":1}', '', /messages.*prompt.*text/],
    ['{"messages":[]}', 'messages', /at least one/],
    [JSON.stringify({ messages: [user] }), 'messages', /nothing to learn/],
    [JSON.stringify({ messages: [{ ...user, weight: 1 }] }), 'messages[0].weight', /assistant/],
    [
      JSON.stringify({ messages: [user, { role: 'assistant', content: 'b', weight: 0.5 }] }),
      'messages[1].weight',
      /0 to 1/,
    ],
    [JSON.stringify({ messages: [user, { role: 'asistant', content: 'b' }] }), 'messages[1].role', /one of/],
    [
      JSON.stringify({ messages: [user, { role: 'assistant', content: 'b', name_: 1 }] }),
      'messages[1].name_',
      /not supp/,
    ],
    [JSON.stringify({ messages: [user, { role: 'assistant', content: 'b' }], note: 1 }), 'note', /not supported/],
    ['{"prompt":"a"}', 'completion', /needed/],
    ['{"text":""}', 'text', /nothing to learn/],
  ];
  for (const [line, field, message] of refused) {
    assert.throws(
      () => readTrainingExample(line),
      (error: Error & { readonly details: object }) => {
        assert.deepEqual(error.details, { field }, error.message);
        assert.match(error.message, message);
        return true;
      },
    );
  }
});

test('encodeFineTuning gives the job its form, in seconds', () => {
  const request = readFineTuningRequest({ ...LEAST, suffix: 's', metadata: { a: 'b' } });
  const job = encodeFineTuning({
    ...{
      id: 'ftjob-1',
      request,
      seed: 7,
      status: 'running',
      fineTunedModel: null,
      createdAtMs: 5999,
      finishedAtMs: null,
    },
    ...{ estimatedFinishMs: 8000, error: null, trainedTokens: null, resultFiles: [] },
  });
  assert.deepEqual(job, {
    ...{ id: 'ftjob-1', object: 'fine_tuning.job', created_at: 5, finished_at: null, status: 'running' },
    ...{ model: 'story-teller', fine_tuned_model: null, training_file: 'file-1', validation_file: null },
    hyperparameters: { n_epochs: 'auto', batch_size: 'auto', learning_rate_multiplier: 'auto' },
    method: {
      type: 'supervised',
      supervised: {
        hyperparameters: {
          ...{ n_epochs: 'auto', batch_size: 'auto', learning_rate_multiplier: 'auto' },
          lora: { rank: 8, alpha: 16 },
        },
      },
    },
    ...{ trained_tokens: null, error: null, result_files: [], estimated_finish: 8, seed: 7, organization_id: 'amaas' },
    ...{ integrations: [], metadata: { a: 'b' }, suffix: 's' },
  });
});

test('encodeFineTuningCheckpoint says nothing of held-out examples where there were none', () => {
  const checkpoint = {
    ...{
      id: 'ftckpt-1',
      createdAtMs: 1000,
      job: 'ftjob-1',
      model: 'ft-a',
      step: 4,
      trainLoss: 0.5,
      trainAccuracy: 0.75,
    },
    ...{ validationLoss: null, validationAccuracy: null },
  };
  const metrics = (of: object): unknown => (of as { readonly metrics: unknown }).metrics; // encoded above
  assert.deepEqual(metrics(encodeFineTuningCheckpoint(checkpoint)), {
    ...{ step: 4, train_loss: 0.5, train_mean_token_accuracy: 0.75 },
  });
  const held = { ...checkpoint, validationLoss: 0.25, validationAccuracy: 0.875 };
  assert.deepEqual(metrics(encodeFineTuningCheckpoint(held)), {
    ...{ step: 4, train_loss: 0.5, train_mean_token_accuracy: 0.75, valid_loss: 0.25, full_valid_loss: 0.25 },
    ...{ valid_mean_token_accuracy: 0.875, full_valid_mean_token_accuracy: 0.875 },
  });
});
