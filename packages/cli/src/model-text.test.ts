import assert from 'node:assert/strict';
import test from 'node:test';
import type { VersionDetail } from '@amaas/client';
import { versionText } from './model-text.ts';

const TELLER: VersionDetail = {
  model: 'teller',
  version: 3,
  state: 'READY',
  reason: null,
  digest: `sha256:${'a'.repeat(64)}`,
  sizeBytes: 727_040,
  labels: [],
  createdAt: '2026-03-04T05:06:07Z',
  format: 'gguf',
  signatures: {},
  manifest: { language: { adapters: { pirate: 'adapters/pirate.gguf', polite: 'adapters/polite.gguf' } } },
  lineage: { languageModel: { architecture: 'llama', quantization: 'Q8_0', parameters: 260_032 } },
  files: [],
  serving: null,
};

test('versionText names the adapters of a language model, where it has any', () => {
  const text = versionText(TELLER);
  assert.match(text, /^adapters +pirate, polite$/m);
  assert.match(text, /^kind +llama, Q8_0, 0\.260 million parameters$/m);
  assert.doesNotMatch(versionText({ ...TELLER, manifest: {} }), /adapters/);
});
