// Writes a model that we trained as a bundled model: its files, with what its manifest, LICENSE and NOTICE must say.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type EvaluationReport, formatReport } from '@amaas/learn/evaluate';

export interface Bundle {
  /** As a training leaves them; of its report only the text is kept. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly report: EvaluationReport;
  readonly description: string;
  /** Where it runs, when what the server would choose is more than it needs. */
  readonly isolation?: 'inline' | 'thread';
  /** SPDX name; where data must be shared alike, so is the model. */
  readonly licence: string;
  readonly licenceUrl: string;
  /** Where the training data comes from and whose it is. */
  readonly notice: string;
}

/** @param name - of the model; the script that calls this lies in its folder */
export async function writeBundle(name: string, bundle: Bundle): Promise<void> {
  const { files, report, description, isolation, licence, licenceUrl, notice } = bundle;
  const folder = join(import.meta.dirname, name, '1');
  await mkdir(folder, { recursive: true });
  for (const file of ['model.onnx', 'amaas.json', 'example.json']) {
    const bytes = files.get(file);
    if (bytes === undefined) throw new Error(`${name}: the training left no ${file}`);
    const contents =
      file === 'amaas.json'
        ? completeManifest(bytes, { description, licence, name, ...(isolation === undefined ? {} : { isolation }) })
        : bytes;
    await writeFile(join(folder, file), contents);
  }
  await writeFile(join(folder, 'report.txt'), formatReport(report));
  await writeFile(join(folder, 'LICENSE'), `${licence}\n${licenceUrl}\n`);
  await writeFile(join(folder, 'NOTICE'), `${notice}\nTrained with amaas by models/${name}/make.ts.\n`);
  process.stdout.write(`${name}: ${files.get('model.onnx')?.byteLength} bytes in ${folder}\n`);
}

function completeManifest(
  bytes: Uint8Array,
  {
    name,
    ...added
  }: { readonly name: string; readonly description: string; readonly licence: string; readonly isolation?: string },
): string {
  const manifest: Record<string, unknown> = JSON.parse(new TextDecoder().decode(bytes));
  const said = typeof manifest['description'] === 'string' ? ` ${manifest['description']}` : '';
  const complete = {
    ...manifest,
    ...added,
    description: `${added.description}${said}`,
    batching: { dim: 0 },
    source: `made by models/${name}/make.ts of amaas`,
  };
  return `${JSON.stringify(complete, null, 2)}\n`;
}
