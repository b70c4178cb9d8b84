import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatTemplate } from './chat-template.ts';
import { TEMPLATES } from './testing/templates.ts';

const NOW = new Date(2024, 1, 29, 15, 4, 5);
const render = (source: string, variables: Readonly<Record<string, unknown>> = {}): string =>
  new ChatTemplate(source).render(variables, { inputCharacters: 0, baseUnits: 200_000, now: NOW });

test('ChatTemplate writes what Jinja writes', () => {
  const cases: readonly (readonly [source: string, written: string])[] = [
    ['{{ a | upper }}-{{ b.c[1] }}-{{ b["c"][-1] }}', 'XY-2-3'],
    ['{% for x in b.c if x != 2 %}{{ loop.index }}:{{ x }},{% else %}none{% endfor %}', '1:1,2:3,'],
    ['{{ b.c | tojson }} {{ b | tojson(indent=2) }}', '[1, 2, 3] {\n  "c": [\n    1,\n    2,\n    3\n  ]\n}'],
    ['{{ "a,b,c".split(",") | join("+") }} {{ a.replace("x", "zz") }} {{ " x "|trim }}', 'a+b+c zzy x'],
    ['{% macro m(x, y=2) %}[{{ x }}{{ y }}]{% endmacro %}{{ m(1) }}{{ m(1, y=3) }}', '[12][13]'],
    ['{% set ns = namespace(n=0) %}{% for x in range(2, 8, 2) %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }}', '12'],
    ['{{ a.strip is defined }} {{ nothing is defined }} {{ nothing }} {{ a if a else "-" }}', 'true false  xy'],
    ['{% filter upper %}ab{% endfilter %}{{ b.items() | length }}{{ b["get"]("c") | length }}', 'AB13'],
    ['{{ [3, 1, 2] | sort | join }} {{ "abc"[1:] }} {{ [1, 2, 3][:-1] | length }}', '123 bc 2'],
    ['{{ strftime_now("%d %b %Y, %A %-I %p %H:%M:%S %%") }}', '29 Feb 2024, Thursday 3 PM 15:04:05 %'],
    ['{{ [{"r": "a"}, {"r": "b"}] | selectattr("r", "equalto", "b") | list | length }}{{ none }}', '1'],
    ['{{ messages | map(attribute="x") | join(",") }}', 'p,q'],
  ];
  const variables = { a: 'xy', b: { c: [1, 2, 3] }, messages: [{ x: 'p' }, { x: 'q' }] };
  for (const [source, written] of cases) assert.equal(render(source, variables), written, source);
});

/** Each would take for ever, or all the memory there is. */
const BOMBS: Readonly<Record<string, string>> = {
  range: '{% for i in range(1000000000) %}a{% endfor %}',
  nested: '{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}',
  empty:
    '{% for a in range(9000) %}{% for b in range(9000) %}{% for c in range(9000) %}{% endfor %}{% endfor %}{% endfor %}',
  text: '{% set ns = namespace(a="xxxxxxxx") %}{% for i in range(60) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}{{ ns.a | length }}',
  block:
    '{% set ns = namespace(a="x") %}{% for i in range(60) %}{% set b %}{{ ns.a }}{{ ns.a }}{% endset %}{% set ns.a = b %}{% endfor %}',
  list: '{% set ns = namespace(a=[1, 2]) %}{% for i in range(60) %}{% set ns.a = ns.a + ns.a %}{% endfor %}',
  shared:
    '{% set ns = namespace(a=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a | tojson }}',
  shown: '{% set ns = namespace(a=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a }}',
  joined:
    '{% set ns = namespace(a=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a ~ "" }}',
  namespaces:
    '{% set n = namespace(l=[namespace()]) %}{% for i in range(60) %}{% set n.l = [namespace(a=n.l, b=n.l)] %}{% endfor %}{{ n.l | string }}',
  replace: '{% set a = "xxxxxxxxxxxxxxxx" %}{% for i in range(9) %}{{ X.replace("x", X) | length }}{% endfor %}',
  replaceFilter: '{{ X | replace("", X) | replace("", X) | length }}',
  replaceByName: '{{ X["repl" ~ "ace"]("x", X) | length }}',
  join: '{{ range(60000) | join(X) | length }}',
  indent: '{{ X.replace("x", "\\n") | indent(100000) | length }}',
  wide: '{{ "x" | indent(500000000, first=true) | length }}',
  json: '{{ range(60000) | tojson(indent=100000) | length }}',
  separators: '{{ range(60000) | tojson(separators=(X, X)) | length }}',
  sort: '{% set ns = namespace(a=[]) %}{% for i in range(4000) %}{% set ns.a = ns.a + [X] %}{% endfor %}{% for i in range(4000) %}{{ ns.a | sort | length }}{% endfor %}',
  search:
    '{% for i in range(100000) %}{{ ("y" ~ i) in X }}{% endfor %}{% for i in range(100000) %}{{ X == X2 }}{% endfor %}',
  macro: '{% macro f(x) %}{{ f(x) }}{{ f(x) }}{% endmacro %}{{ f(1) }}',
  recursion: '{% macro f(x) %}{% if x > 0 %}{{ f(x - 1) }}{{ f(x - 1) }}{% endif %}{% endmacro %}{{ f(40) }}',
  split: '{% for i in range(2000) %}{% set a = X.split("x") %}{% endfor %}',
  slice: '{% for i in range(2000) %}{% set a = X[1:] %}{% endfor %}',
  time: '{% for i in range(100000) %}{{ strftime_now("%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y") }}{% endfor %}',
  carried: '{% set f = X.replace %}{{ f("x", X) | length }}',
  carriedInList: '{% set f = [X.replace] %}{{ f[0]("x", X) | length }}',
};

test('ChatTemplate ends what would not end, or would take all memory', () => {
  const X = 'x'.repeat(60_000);
  const before = process.memoryUsage().rss;
  for (const [name, source] of Object.entries(BOMBS)) {
    assert.throws(
      () => render(source, { X, X2: `${X.slice(1)}x` }),
      {
        name: 'TemplateFailure',
        message: /more steps|nested too deep|more than 256 deep|without being called|not a function/,
      },
      name,
    );
  }
  assert.ok(process.memoryUsage().rss - before < 1_000_000_000);
});

test('ChatTemplate tells the words of raise_exception from what goes wrong', () => {
  assert.throws(() => render('{{ raise_exception("Roles must alternate!") }}'), {
    message: 'Roles must alternate!',
    isRaised: true,
  });
  assert.throws(() => render('{{ 1 + nothing }}'), { isRaised: false, message: /undefined/ });
});

test('ChatTemplate names the line that cannot be read', () => {
  assert.throws(() => new ChatTemplate('a\n{% if x %}\nb\n{{ x ! y }}\n{% endif %}'), { message: /^line 4: / });
  assert.throws(() => new ChatTemplate('{% unknown %}'), { message: 'line 1: Unknown statement type: unknown' });
  assert.throws(() => new ChatTemplate('a\n{% if x %}'), { message: 'it ends inside a block that is not closed' });
  assert.throws(() => new ChatTemplate('x'.repeat(300_000)), { message: /300000 characters/ });
  assert.throws(() => new ChatTemplate(`${' \n'.repeat(60_000)}{%- if x %}`), { message: /in a row/ });
  assert.throws(() => new ChatTemplate(`{{ 1 ${'+1'.repeat(60_000)} }}`), { message: /nested too deep/ });
  assert.throws(() => new ChatTemplate(`{{ ${'('.repeat(50_000)} }}`), { message: /nested too deep/ });
});

test('ChatTemplate writes long conversations within their own measure', () => {
  for (const { source, name } of TEMPLATES) {
    const messages = Array.from({ length: 2001 }, (_, index) => ({
      role: index % 2 === 0 ? 'user' : 'assistant',
      content: `Message ${index}. `.repeat(40),
    }));
    const inputCharacters = messages.reduce((sum, { content }) => sum + content.length + 64, 0);
    const written = new ChatTemplate(source).render(
      { messages, tools: null, bos_token: '', eos_token: '' },
      { inputCharacters, now: NOW },
    );
    assert.ok(written.includes('Message 2000'), name);
  }
});
