// Chat templates in the styles of the families there are, written for these tests, each with the special tokens it uses.
import type { LanguageModelFile } from '@amaas/core';
import type { ConversationSubject } from '../../dataplane/index.ts';

export interface TestTemplate {
  readonly name: string;
  readonly source: string;
  readonly specialTokens: readonly string[];
}

/** As Qwen's: tools in the system message, calls and results in tags, thoughts of the past left out. */
const CHATML: TestTemplate = {
  name: 'chatml',
  specialTokens: [
    ...['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<think>', '</think>'],
    ...['<tool_call>', '</tool_call>', '<tool_response>', '</tool_response>'],
  ],
  source: `{%- if tools %}
{{- '<|im_start|>system\\n' }}
{%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n\\n' }}{%- endif %}
{{- "# Tools\\n<tools>" }}
{%- for tool in tools %}{{- "\\n" }}{{- tool | tojson }}{%- endfor %}
{{- "\\n</tools>\\nCall with\\n<tool_call>\\n{\\"name\\": <function>, \\"arguments\\": <object>}\\n</tool_call><|im_end|>\\n" }}
{%- elif messages[0].role == 'system' %}
{{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
{%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- elif message.role == 'assistant' %}
{%- set content = message.content %}
{%- if '</think>' in content %}{%- set content = content.split('</think>')[-1].lstrip('\\n') %}{%- endif %}
{{- '<|im_start|>assistant\\n' }}
{%- if loop.last and message.reasoning_content %}
{{- '<think>\\n' + message.reasoning_content.strip('\\n') + '\\n</think>\\n\\n' }}
{%- endif %}
{{- content }}
{%- for call in message.tool_calls or [] %}
{%- set call = call.function if call.function else call %}
{{- '\\n<tool_call>\\n{"name": "' + call.name + '", "arguments": ' }}
{{- call.arguments if call.arguments is string else call.arguments | tojson }}
{{- '}\\n</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- elif message.role == 'tool' %}
{%- if loop.first or messages[loop.index0 - 1].role != 'tool' %}{{- '<|im_start|>user' }}{%- endif %}
{{- '\\n<tool_response>\\n' + message.content + '\\n</tool_response>' }}
{%- if loop.last or messages[loop.index0 + 1].role != 'tool' %}{{- '<|im_end|>\\n' }}{%- endif %}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}`,
};

/** As Llama 3's: contents trimmed, one call per message, arguments called parameters. */
const HEADERS: TestTemplate = {
  name: 'headers',
  specialTokens: [
    ...['<|begin_of_text|>', '<|end_of_text|>', '<|start_header_id|>', '<|end_header_id|>', '<|eot_id|>'],
    ...['<|python_tag|>', '<|eom_id|>'],
  ],
  source: `{{- bos_token }}
{%- set system = messages[0].content | trim if messages[0].role == 'system' else '' %}
{%- if messages[0].role == 'system' %}{%- set messages = messages[1:] %}{%- endif %}
{{- '<|start_header_id|>system<|end_header_id|>\\n\\nToday: ' + strftime_now('%d %b %Y') + '\\n\\n' + system }}
{%- if tools is not none %}
{{- '\\nRespond as {"name": function name, "parameters": dictionary}.\\n' }}
{%- for tool in tools %}{{- tool | tojson(indent=2) }}{{- '\\n' }}{%- endfor %}
{%- endif %}
{{- '<|eot_id|>' }}
{%- for message in messages %}
{%- if message.role == 'tool' %}
{{- '<|start_header_id|>ipython<|end_header_id|>\\n\\n' }}
{%- if message.content is mapping or message.content is iterable %}{{- message.content | tojson }}{%- else %}{{- message.content }}{%- endif %}
{{- '<|eot_id|>' }}
{%- elif 'tool_calls' in message %}
{%- if message.tool_calls | length != 1 %}{{- raise_exception('One call at a time!') }}{%- endif %}
{%- set call = message.tool_calls[0].function %}
{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n{"name": "' + call.name + '", "parameters": ' }}
{{- call.arguments | tojson }}{{- '}<|eot_id|>' }}
{%- else %}
{{- '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' + message.content | trim + '<|eot_id|>' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}`,
};

/** As Mistral's: roles take turns, ids of nine characters, calls in one list. */
const BRACKETS: TestTemplate = {
  name: 'brackets',
  specialTokens: [
    ...['<s>', '</s>', '[INST]', '[/INST]', '[TOOL_CALLS]', '[AVAILABLE_TOOLS]', '[/AVAILABLE_TOOLS]'],
    ...['[TOOL_RESULTS]', '[/TOOL_RESULTS]'],
  ],
  source: `{%- if messages[0].role == 'system' %}{%- set system = messages[0].content %}{%- set rest = messages[1:] %}{%- else %}{%- set rest = messages %}{%- endif %}
{{- bos_token }}
{%- for message in rest %}
{%- if message.role == 'user' %}
{%- if tools and loop.last %}
{{- '[AVAILABLE_TOOLS] [' }}
{%- for tool in tools %}{{- tool | tojson }}{%- if not loop.last %}{{- ', ' }}{%- endif %}{%- endfor %}
{{- '][/AVAILABLE_TOOLS]' }}
{%- endif %}
{%- if system is defined and loop.first %}{{- '[INST] ' + system + '\\n\\n' + message.content + '[/INST]' }}
{%- else %}{{- '[INST] ' + message.content + '[/INST]' }}{%- endif %}
{%- elif message.tool_calls is defined and message.tool_calls is not none %}
{{- '[TOOL_CALLS] [' }}
{%- for call in message.tool_calls %}
{%- set out = call.function | tojson %}
{{- out[:-1] }}
{%- if call.id | length != 9 %}{{- raise_exception('Ids of calls have nine characters!') }}{%- endif %}
{{- ', "id": "' + call.id + '"}' }}
{%- if loop.last %}{{- ']' + eos_token }}{%- else %}{{- ', ' }}{%- endif %}
{%- endfor %}
{%- elif message.role == 'assistant' %}{{- ' ' + message.content | trim + eos_token }}
{%- elif message.role == 'tool' %}
{{- '[TOOL_RESULTS] {"content": ' + message.content | string + ', "call_id": "' + message.tool_call_id + '"}[/TOOL_RESULTS]' }}
{%- else %}{{- raise_exception('Only user, assistant and tool roles are known!') }}
{%- endif %}
{%- endfor %}`,
};

/** As Gemma's: no system role, and roles have to take turns. */
const TURNS: TestTemplate = {
  name: 'turns',
  specialTokens: ['<bos>', '<eos>', '<start_of_turn>', '<end_of_turn>', '\n\n', '\u2581\u2581', '<h1>'],
  source: `{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}
{%- for message in messages %}
{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant') }}{% endif %}
{%- set role = 'model' if message['role'] == 'assistant' else message['role'] %}
{{- '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}`,
};

/** As DeepSeek's distilled ones: the prompt begins the thought. */
const THINKS: TestTemplate = {
  name: 'thinks',
  specialTokens: [
    '<\uFF5Cbegin\u2581of\u2581sentence\uFF5C>',
    '<\uFF5CUser\uFF5C>',
    '<\uFF5CAssistant\uFF5C>',
    '<think>',
    '</think>',
  ],
  source: `{%- set ns = namespace(system='') %}
{%- for message in messages %}{%- if message.role == 'system' %}{%- set ns.system = ns.system + message.content %}{%- endif %}{%- endfor %}
{{- bos_token }}{{- ns.system }}
{%- for message in messages %}
{%- if message.role == 'user' %}{{- '<\uFF5CUser\uFF5C>' + message.content }}{%- endif %}
{%- if message.role == 'assistant' %}
{%- set content = message.content %}
{%- if '</think>' in content %}{%- set content = content.split('</think>') | last %}{%- endif %}
{{- '<\uFF5CAssistant\uFF5C>' + content }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<\uFF5CAssistant\uFF5C><think>\\n' }}{%- endif %}`,
};

/** Of words alone: no token ends a turn. */
const WORDS: TestTemplate = {
  name: 'words',
  specialTokens: ['<s>', '</s>'],
  source: `{% for message in messages %}{% if message.role == 'system' %}{{ message.content }}

{% elif message.role == 'user' %}### Instruction:
{{ message.content }}

{% elif message.role == 'assistant' %}### Response:
{{ message.content }}

{% endif %}{% endfor %}{% if add_generation_prompt %}### Response:
{% endif %}`,
};

/** Everything as JSON, and not a letter beyond ASCII in it. */
const ENCODED: TestTemplate = {
  name: 'encoded',
  specialTokens: ['<|im_start|>', '<|im_end|>', '[END]'],
  source: `{%- for message in messages %}{{- '<|im_start|>' + message | tojson(ensure_ascii=true) + '[END]' }}{%- endfor %}`,
};

export const TEMPLATES: readonly TestTemplate[] = [CHATML, HEADERS, BRACKETS, TURNS, THINKS, WORDS, ENCODED];

export function templateNamed(name: string): TestTemplate {
  const found = TEMPLATES.find((each) => each.name === name);
  if (found === undefined) throw new TypeError(`no template ${name}`);
  return found;
}

/** A model of a template. */
export function subjectOf(
  { source, specialTokens }: { readonly source: string | null; readonly specialTokens: readonly string[] },
  file: Partial<LanguageModelFile> = {},
): ConversationSubject {
  return {
    label: 'chat@1',
    manifest: {},
    chatTemplate: null,
    file: {
      architecture: 'llama',
      name: null,
      quantization: null,
      parameters: 1,
      fileBytes: 1,
      vocabularySize: 512,
      embeddingSize: 64,
      layers: 1,
      trainedContextTokens: 512,
      chatTemplate: source,
      beginToken: specialTokens[0] ?? null,
      endToken: specialTokens[1] ?? null,
      beginsTexts: true,
      specialTokens,
      pooling: null,
      ...file,
    },
  };
}
