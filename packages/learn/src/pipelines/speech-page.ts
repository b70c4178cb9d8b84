// A report on a recogniser of speech as one self-contained page: no scripts, nothing loaded from anywhere.
import { escapeHtml, pageHtml, tableHtml, trainingPlots, userHtml } from '../evaluate/index.ts';
import { formatShares, type SpeechMetric, type SpeechReport } from './speech-report.ts';

/** Renders a report as an HTML document. Equal reports give equal pages; every name in it is escaped. */
export function renderSpeechPage(report: SpeechReport): string {
  return pageHtml({
    title: `Speech: ${report.data.name}`,
    about: `On ${report.n.toLocaleString('en-US')} recordings it has not heard.`,
    sections: [
      figuresHtml(report),
      editsHtml(report),
      worstHtml(report),
      slicesHtml(report),
      trainingHtml(report),
      factsHtml(report),
    ],
  });
}

function figuresHtml({ metrics }: SpeechReport): string {
  const items = metrics.map(({ name, value, interval }) => {
    const [share = '', range = ''] = formatShares(value, interval);
    return `<li><span class="name">${escapeHtml(name)}</span><b>${share}</b><span>${range}</span></li>`;
  });
  return `<ul class="key-figures">${items.join('')}</ul>`;
}

function editsHtml({ edits: { words, substitutions, deletions, insertions }, estimation }: SpeechReport): string {
  const confidence = Math.round(100 * estimation.confidence);
  return `<p class="note">Of ${words} words ${substitutions} were other ones, ${deletions} left out and ${insertions} added. Intervals of ${confidence} % by bootstrap over recordings.</p>`;
}

function worstHtml({ worst }: SpeechReport): string {
  if (worst.length === 0) return '';
  const rows = worst.map(({ file, text, heard }) => [userHtml(file), userHtml(text), userHtml(heard)]);
  const caption = 'Recordings with the most wrong characters for their length';
  return `<section><h2>Heard worst</h2>${tableHtml({ caption, header: ['recording', 'said', 'heard'], rows, textColumns: [0, 1, 2] })}</section>`;
}

function slicesHtml({ slices }: SpeechReport): string {
  const [first] = slices;
  if (first === undefined) return '';
  const share = ({ value, interval }: SpeechMetric): string => formatShares(value, interval).join(' ');
  const rows = slices.map(({ name, n, metrics }) => [userHtml(name), String(n), ...metrics.map(share)]);
  const header = ['part', 'recordings', ...first.metrics.map(({ name }) => escapeHtml(name))];
  return `<section><h2>Parts</h2>${tableHtml({ caption: 'Error rates of parts of the recordings', header, rows })}</section>`;
}

function trainingHtml({ training }: SpeechReport): string {
  if (training.curves.length === 0) return '';
  return `<section><h2>Training</h2>${trainingPlots(training.curves)}</section>`;
}

function factsHtml({ data, model, training }: SpeechReport): string {
  const rows = [...data.facts, ...model.facts, ...training.facts].map(({ label, value }) => [
    escapeHtml(label),
    userHtml(String(value)),
  ]);
  if (rows.length === 0) return '';
  return `<section><h2>Facts</h2>${tableHtml({ caption: 'Data, model and training', header: ['what', 'value'], rows, textColumns: [0, 1] })}</section>`;
}
