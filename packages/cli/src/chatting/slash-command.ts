// What a line that begins with / asks of the chat itself.

export type SlashCommand =
  | { readonly kind: 'help' | 'clear' | 'exit' }
  /** Left out: it is shown. */
  | { readonly kind: 'system' | 'model'; readonly value: string | null }
  | { readonly kind: 'save'; readonly file: string }
  | { readonly kind: 'unknown'; readonly problem: string };

export const SLASH_HELP = `/system [text]   show or set the system message; "-" removes it
/model [name]    show or change the model
/clear           begin a new conversation
/save <file>     write the conversation into a file, as JSON
/exit            leave, as does Ctrl-D
/help            show this
"""              begins and ends a text of several lines
Ctrl-C           stops an answer; twice leaves`;

/** null: the line is something to say. */
export function parseSlashCommand(line: string): SlashCommand | null {
  const text = line.trim();
  if (!text.startsWith('/')) return null;
  const gap = text.search(/\s/);
  const word = gap === -1 ? text : text.slice(0, gap);
  const value = gap === -1 ? '' : text.slice(gap).trim();
  switch (word) {
    case '/help':
    case '/?':
      return { kind: 'help' };
    case '/clear':
      return { kind: 'clear' };
    case '/exit':
    case '/quit':
    case '/bye':
      return { kind: 'exit' };
    case '/system':
      return { kind: 'system', value: value === '' ? null : value };
    case '/model':
      return { kind: 'model', value: value === '' ? null : value };
    case '/save':
      return value === ''
        ? { kind: 'unknown', problem: '/save needs the name of a file' }
        : { kind: 'save', file: value };
    default:
      return { kind: 'unknown', problem: `there is no ${word}; /help shows what there is` };
  }
}
