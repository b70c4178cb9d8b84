// What a training of speech leaves behind, as files: the model with what belongs beside it, and its report.
import type { TrainedSpeech } from './train-speech.ts';
import { SPEECH_INPUT } from './speech-model.ts';
import { renderSpeechPage } from './speech-page.ts';

/** Contents by file name: `model.onnx`, `amaas.json`, `example.json`, `report.json`, `report.html`. */
export function trainedSpeechFiles(trained: TrainedSpeech): ReadonlyMap<string, Uint8Array> {
  const encoder = new TextEncoder();
  const json = (value: unknown): Uint8Array => encoder.encode(`${JSON.stringify(value, null, 2)}\n`);
  return new Map([
    ['model.onnx', trained.onnx],
    ['amaas.json', json({ ...trained.manifest, example: EXAMPLE_FILE })],
    [EXAMPLE_FILE, encoder.encode(`${JSON.stringify(exampleRequest(trained))}\n`)],
    ['report.json', json(trained.report)],
    ['report.html', encoder.encode(renderSpeechPage(trained.report))],
  ]);
}

/** A held-out recording as a request: what the server tries the model with, and users can start from. */
const EXAMPLE_FILE = 'example.json';

/** A request of the Open Inference Protocol, plain JSON. */
function exampleRequest({ example }: TrainedSpeech): { readonly inputs: readonly object[] } {
  return { inputs: [{ name: SPEECH_INPUT, shape: [1, example.length], datatype: 'FP32', data: [...example] }] };
}

/** The held-out recordings as JSON lines: `{"file": …, "text": …, "heard": …}`. */
export function heldOutSpeechLines({ heard }: TrainedSpeech): Uint8Array {
  return new TextEncoder().encode(heard.map((each) => `${JSON.stringify(each)}\n`).join(''));
}
