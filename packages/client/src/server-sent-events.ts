// Reads a stream of server-sent events.
// Source: HTML Living Standard, section 9.2.6 "Interpreting an event stream".

export interface ReceivedEvent {
  /** What was last given as id, as browsers keep it; empty before the first. */
  readonly lastId: string;
  /** Whether this very event came with an id. */
  readonly hasId: boolean;
  readonly type: string;
  readonly data: string;
}

/** The events of a body, as they come. An unfinished one at the end is dropped, as the standard asks. */
export async function* readServerSentEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ReceivedEvent> {
  let lastId = '';
  let hasId = false;
  let type = '';
  let data: string[] = [];
  for await (const line of readLines(body)) {
    if (line === '') {
      if (data.length > 0) yield { lastId, hasId, type: type === '' ? 'message' : type, data: data.join('\n') };
      hasId = false;
      type = '';
      data = [];
      continue;
    }
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (field === 'data') data.push(value);
    else if (field === 'event') type = value;
    else if (field === 'id' && !value.includes('\0')) {
      lastId = value;
      hasId = true;
    }
  }
}

/** Lines ended by LF, CR or both; what follows the last end is dropped. */
async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      // A CR at the very end may be half of CRLF: it waits for what comes.
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } finally {
    await reader.cancel().catch(() => {}); // the caller stopped listening, or the stream broke
  }
}
