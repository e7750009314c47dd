import { FakError } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import { type ChatMessage, ChatTemplate, type JsonSchema } from '../src/index.js'
import { chatml } from './chatml.js'

const user = (content: string): ChatMessage => ({ role: 'user', content })

function errorOf(action: () => unknown): FakError {
  try {
    action()
  } catch (error) {
    if (FakError.isInstance(error)) return error
    throw error
  }
  throw new Error('it succeeded')
}

/** Renders one line of template. */
const line = (source: string, messages = [user('hi')], variables = {}): string => {
  return ChatTemplate.parse(source).render(messages, { variables })
}

describe('a conversation', () => {
  it('ends with the beginning of an answer, as the thinking switch says', () => {
    const prompt = '<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n'
    expect(chatml.render([user(' hi\n')])).toBe(`${prompt}<think>\n`)
    expect(chatml.render([user('hi')], { enableThinking: true })).toBe(`${prompt}<think>\n`)
    expect(chatml.render([user('hi')], { enableThinking: false })).toBe(`${prompt}<think>\n\n</think>\n\n`)
    expect(chatml.render([user('hi')], { addGenerationPrompt: false })).toBe('<|im_start|>user\nhi<|im_end|>\n')
  })

  it('leaves the thinking default to the template', () => {
    const template = ChatTemplate.parse(
      "{{ 'on' if enable_thinking is defined and enable_thinking is true else 'off' }}",
    )
    expect([undefined, true, false].map((enableThinking) => template.render([], { enableThinking }))).toEqual([
      'off',
      'on',
      'off',
    ])
  })

  it('takes reasoning under either name, and out of the content', () => {
    const answers: ChatMessage[] = [
      { role: 'assistant', content: 'b', reasoning_content: ' why \n' },
      { role: 'assistant', content: 'b', reasoning: 'why' },
      { role: 'assistant', content: '<think>\nwhy\n</think>\n\nb' },
    ]
    const rendered = answers.map((answer) => chatml.render([user('a'), answer], { addGenerationPrompt: false }))
    expect(new Set(rendered)).toEqual(
      new Set(['<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n<think>\nwhy\n</think>\n\nb<|im_end|>\n']),
    )
  })

  it('strips as Python does: the given characters only, and no byte order mark', () => {
    expect(line("{{ '|' ~ messages[0].content.lstrip('\\n') ~ '|' }}", [user('\n  a ')])).toBe('|  a |')
    expect(line("{{ '|' ~ messages[0].content.rstrip('.!') ~ '|' }}", [user('a.!. ')])).toBe('|a.!. |')
    expect(line("{{ '|' ~ messages[0].content|trim ~ '|' }}", [user('\ufeffa\x1c\x85\u3000')])).toBe('|\ufeffa|')
    expect(line("{{ '|' ~ messages[0].content.strip('\u{1f600}') ~ '|' }}", [user('\u{1f600}a\u{1f600}')])).toBe('|a|')
  })

  it('spells true, false and none as Python does when they become text', () => {
    expect(line("{{ true|string ~ false|string ~ none|string ~ 1|string ~ 'x'|string }}")).toBe('TrueFalseNone1x')
  })

  it('takes tool arguments as JSON text or as an object', () => {
    const call = (args: string | Record<string, unknown>): ChatMessage => ({
      role: 'assistant',
      content: null,
      tool_calls: [{ id: '1', type: 'function', function: { name: 'f', arguments: args } }],
    })
    const args = { city: 'Zürich', n: 3, ok: true, list: [1, null] }
    const [fromObject, fromText] = [args, JSON.stringify(args)].map((value) => chatml.render([user('a'), call(value)]))
    expect(fromText).toBe(fromObject)
    expect(fromText).toContain('<parameter=city>Zürich</parameter>\n<parameter=n>3</parameter>\n<parameter=ok>True<')
    expect(fromText).toContain('<parameter=list>[1, null]</parameter>')
    expect(chatml.render([user('a'), call('')])).toContain('<function=f>\n</function>')
    const error = errorOf(() => chatml.render([user('a'), call('{"city":')]))
    expect(error).toMatchObject({ code: 'CHAT_BAD_MESSAGE', field: 'messages[1].tool_calls[0].function.arguments' })
    expect(errorOf(() => chatml.render([user('a'), call('[1]')])).code).toBe('CHAT_BAD_MESSAGE')
  })

  it('takes text content in parts, also in a template that knows strings only', () => {
    const parts = [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a ' },
          { type: 'text', text: 'b' },
        ],
      },
    ]
    expect(line("{{ 'x' + messages[0].content }}", parts as never)).toBe('xa b')
    expect(chatml.render(parts)).toContain('user\na b<|im_end|>')
    const image = [{ role: 'user', content: [{ type: 'image' }, { type: 'text', text: 'b' }] }]
    expect(chatml.render(image)).toContain('<|image_pad|><|vision_end|>b')
    expect(errorOf(() => line("{{ 'x' + messages[0].content }}", image as never)).code).toBe('TEMPLATE_FAILED')
  })

  it('hands over tools and variables', () => {
    const tool = { type: 'function', function: { name: 'f', description: 'ü <b>' } } as const
    expect(chatml.render([user('a')], { tools: [tool] })).toContain(
      '<|im_start|>system\n{"type": "function", "function": {"name": "f", "description": "ü <b>"}}\n<|im_end|>',
    )
    expect(line('{{ a.b[1] ~ f(2) }}', [], { a: { b: [1, 2] }, f: (n: number) => n * 2 })).toBe('24')
    expect(line("{{ 'none' if tools is none else 'some' }}")).toBe('none')
  })

  it.each([
    ['There is no question.', [{ role: 'system', content: 'x' }]],
    ['The system message must come first.', [user('a'), { role: 'system', content: 'x' }]],
    ['Role developer is unknown.', [user('a'), { role: 'developer', content: 'x' }]],
  ])('T36: the template may refuse it: %s', (text, messages) => {
    const error = errorOf(() => chatml.render(messages))
    expect(error).toMatchObject({ code: 'TEMPLATE_RAISED', file: 'chatml.jinja' })
    expect(error.reason).toContain(JSON.stringify(text))
  })

  it.each([
    ['messages', 'x'],
    ['messages[0]', [null]],
    ['messages[0].role', [{ content: 'x' }]],
    ['messages[0].content', [{ role: 'user', content: 7 }]],
    ['messages[0].tool_calls', [{ role: 'user', tool_calls: {} }]],
    ['messages[0].tool_calls[0]', [{ role: 'user', tool_calls: [{}] }]],
    ['messages[0].tool_calls[0].function.name', [{ role: 'user', tool_calls: [{ function: {} }] }]],
    ['messages[0].reasoning_content', [{ role: 'user', content: '', reasoning_content: 7 }]],
    ['messages[0].tool_call_id', [{ role: 'tool', content: '', tool_call_id: 7 }]],
    ['messages[0].extra.list[1]', [{ role: 'user', content: '', extra: { list: [1, () => 1] } }]],
    ['messages[0].extra', [{ role: 'user', content: '', extra: Number.NaN }]],
  ])('is checked: %s', (field, messages) => {
    expect(errorOf(() => chatml.render(messages as never))).toMatchObject({ code: 'CHAT_BAD_MESSAGE', field })
  })

  it.each([
    ['tools', {}],
    ['tools[0]', ['f']],
    ['tools[0].type', [{ function: { name: 'f' } }]],
    ['tools[0].function', [{ type: 'function' }]],
    ['tools[0].function.name', [{ type: 'function', function: { name: '' } }]],
    ['tools[0].function.description', [{ type: 'function', function: { name: 'f', description: 1 } }]],
    ['tools[0].function.parameters', [{ type: 'function', function: { name: 'f', parameters: [] } }]],
    ['tools[1].function.name', [1, 2].map(() => ({ type: 'function', function: { name: 'f' } }))],
    [
      'tools[0].function.parameters.default',
      [{ type: 'function', function: { name: 'f', parameters: { default: 1 / 0 } } }],
    ],
  ])('has its tools checked: %s', (field, tools) => {
    expect(errorOf(() => chatml.render([user('a')], { tools: tools as never }))).toMatchObject({
      code: 'CHAT_BAD_TOOL',
      field,
    })
  })

  it('refuses options that are none or that the template would ignore', () => {
    const options = (given: object) => errorOf(() => chatml.render([user('a')], given as never))
    expect(options({ enableThinking: 'false' })).toMatchObject({ code: 'CHAT_BAD_OPTION', field: 'enableThinking' })
    expect(options({ addGenerationPrompt: 1 })).toMatchObject({ code: 'CHAT_BAD_OPTION', field: 'addGenerationPrompt' })
    expect(options({ variables: { x: [0 / 0] } })).toMatchObject({ code: 'CHAT_BAD_OPTION', field: 'variables.x[0]' })
    expect(options({ preserveThinking: true })).toMatchObject({
      code: 'CHAT_UNSUPPORTED_OPTION',
      field: 'preserveThinking',
    })
    expect(options({ reasoningEffort: 'low' })).toMatchObject({ code: 'CHAT_UNSUPPORTED_OPTION', file: 'chatml.jinja' })
    const bare = ChatTemplate.parse('{# tools #}{{ messages[0].content }}')
    const tools = [{ type: 'function', function: { name: 'f' } }] as const
    expect(errorOf(() => bare.render([user('a')], { tools })).code).toBe('CHAT_UNSUPPORTED_OPTION')
    expect(bare.render([user('a')], { tools: [] })).toBe('a')
  })

  it('is refused when its data is nested without end', () => {
    let nested: object = {}
    for (let i = 0; i < 100_000; i++) nested = { nested }
    const call = {
      role: 'assistant',
      tool_calls: [{ function: { name: 'f', arguments: nested as Record<string, unknown> } }],
    }
    const deep = { type: 'function', function: { name: 'f', parameters: nested as JsonSchema } } as const
    expect(errorOf(() => chatml.render([user('a'), call])).code).toBe('CHAT_TOO_DEEP')
    expect(errorOf(() => chatml.render([user('a')], { tools: [deep] })).code).toBe('CHAT_TOO_DEEP')
    const cycle: { self?: object } = {}
    cycle.self = cycle
    expect(errorOf(() => chatml.render([user('a')], { variables: { cycle } })).code).toBe('CHAT_TOO_DEEP')
  })
})

describe('a hostile template', () => {
  it.each([
    ['line one\n  {% if x %}\n', 'line 2, column 11'],
    ["a\n{{ 'x }}", 'line 2, column 3'],
    ['a\n{{ x | }}', 'line 2, column 8'],
    ['a\n{% for x y %}', 'line 2, column 10'],
    ['a\n {{ x @ y }}', 'line 2, column 7'],
    ['a {# b', 'line 1, column 4'],
    ['{% endif %}', 'line 1, column 4'],
  ])('T28: %j is TEMPLATE_SYNTAX at %s', (source, where) => {
    const error = errorOf(() => ChatTemplate.parse(source, { file: 't.jinja' }))
    expect(error).toMatchObject({ code: 'TEMPLATE_SYNTAX', file: 't.jinja', offset: expect.any(Number) })
    expect(error.reason).toContain(where)
  })

  it.each([
    ["{{ 'x'|nosuch }}", 'nosuch'],
    ["{{ 'x'|nosuch(1) }}", 'nosuch'],
    ['{{ 1 is nosuch }}', 'nosuch'],
    ['{{ nosuch(1) }}', 'nosuch'],
    ["{{ 'x'.nosuch() }}", 'nosuch'],
    ["{% include 'x' %}", 'include'],
    ["{{ 'x'|items }}", 'items'],
  ])('T29: %s is TEMPLATE_UNSUPPORTED and named', (source, name) => {
    const error = errorOf(() => line(source))
    expect(error.code).toBe('TEMPLATE_UNSUPPORTED')
    expect(error.reason).toContain(name)
  })

  const budget: [string, string, string][] = [
    ['T30', '{% for i in range(1000000000) %}x{% endfor %}', 'TEMPLATE_BUDGET'],
    ['T31', `${'{% for i in range(1000) %}'.repeat(3)}x${'{% endfor %}'.repeat(3)}`, 'TEMPLATE_BUDGET'],
    [
      'T31 with nothing inside',
      `${'{% for i in range(1000) %}'.repeat(3)}${'{% endfor %}'.repeat(3)}`,
      'TEMPLATE_BUDGET',
    ],
    ['T32', '{% macro a(x) %}{{ a(x) }}{% endmacro %}{{ a(1) }}', 'TEMPLATE_TOO_DEEP'],
    ['T33', `{{ ${'('.repeat(60_000)}1${')'.repeat(60_000)} }}`, 'TEMPLATE_TOO_DEEP'],
    ['T33 with lists', `{{ ${'['.repeat(60_000)}${']'.repeat(60_000)} }}`, 'TEMPLATE_TOO_DEEP'],
    ['T33 with not', `{{ ${'not '.repeat(60_000)}1 }}`, 'TEMPLATE_TOO_DEEP'],
    ['T33 with minus', `{{ ${'- '.repeat(60_000)}1 }}`, 'TEMPLATE_TOO_DEEP'],
    ['T33 with powers', `{{ 1${' ** 1'.repeat(60_000)} }}`, 'TEMPLATE_TOO_DEEP'],
    ['T33 with else', `{{ ${'1 if 1 else '.repeat(60_000)}1 }}`, 'TEMPLATE_TOO_DEEP'],
    ['T33 with a long sum', `{{ 1${' + 1'.repeat(60_000)} }}`, 'TEMPLATE_TOO_DEEP'],
    ['T33 with filters', `{{ 'a'${'|trim'.repeat(60_000)} }}`, 'TEMPLATE_TOO_DEEP'],
    ['T33 with blocks', `${'{% if 1 %}'.repeat(20_000)}x${'{% endif %}'.repeat(20_000)}`, 'TEMPLATE_TOO_DEEP'],
    ['T33 with elif', `{% if 0 %}${'{% elif 1 %}'.repeat(20_000)}x{% endif %}`, 'TEMPLATE_TOO_DEEP'],
    ['T34', "{{ 'a' * 1000000000 }}", 'TEMPLATE_BUDGET'],
    ['T34 the other way round', "{{ 1000000000 * 'a' }}", 'TEMPLATE_BUDGET'],
    ['T34 in small steps', "{% for i in range(9999) %}{{ 'abcdefgh' * 1000 }}{% endfor %}", 'TEMPLATE_BUDGET'],
    [
      'T34 by joining',
      "{% set ns = namespace(x='aaaa') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
      'TEMPLATE_BUDGET',
    ],
    [
      'T34 by replacing',
      "{% set ns = namespace(x='aaaa') %}{% for i in range(99) %}{% set ns.x = ns.x.replace('a', ns.x) %}{% endfor %}",
      'TEMPLATE_BUDGET',
    ],
    [
      'T34 with lists',
      '{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}',
      'TEMPLATE_BUDGET',
    ],
    ['T34 by indenting', "{{ 'a\\nb'|indent(1000000000) }}", 'TEMPLATE_BUDGET'],
    ['T37', '{% if false %}x{% endif %}', 'TEMPLATE_EMPTY'],
    ['a source too long', 'x'.repeat(2 ** 20 + 1), 'TEMPLATE_TOO_LARGE'],
    ['a run of spaces too long', `${' '.repeat(513)}x`, 'TEMPLATE_TOO_LARGE'],
    ['a step of nothing', '{{ range(1, 2, 0) }}', 'TEMPLATE_FAILED'],
    ['a break outside a loop', '{% break %}', 'TEMPLATE_FAILED'],
  ]
  it.each(budget)('%s', (_, source, code) => {
    const start = performance.now()
    expect(errorOf(() => line(source)).code).toBe(code)
    // The work is bounded by steps, not by the clock; this only notices when the bound is gone.
    expect(performance.now() - start).toBeLessThan(10_000)
  })

  it('has valid siblings', () => {
    expect(line(`{{ ${'('.repeat(100)}1${')'.repeat(100)} }}`)).toBe('1')
    expect(line(`{{ 1${' + 1'.repeat(300)} }}`)).toBe('301')
    expect(line('{% for i in range(20000) %}x{% endfor %}')).toHaveLength(20_000)
    expect(line("{{ 'ab' * 3 }}{{ 2 * '-' }}{{ 'x' * 0 }}{{ 'x' * -1 }}{{ 3 * 4 }}")).toBe('ababab--12')
    expect(line('{% for i in range(6, 0, -2) %}{{ i }}{% endfor %}')).toBe('642')
    expect(line(`${' '.repeat(512)}x`)).toHaveLength(513)
    const elifs = Array.from({ length: 100 }, (_, i) => `{% elif n == ${i} %}${i}`).join('')
    expect(line(`{% if 0 %}${elifs}{% endif %}`, [], { n: 77 })).toBe('77')
    const ifs = `${'{% if 1 %}'.repeat(100)}x${'{% endif %}'.repeat(100)}`
    expect(line(ifs)).toBe('x')
  })

  it('may loop over as many messages as a request may have', () => {
    const messages = Array.from({ length: 4096 }, (_, i) => user(`message ${i}`))
    const source =
      '{% for m in messages %}{% set n = messages|length %}{{ messages[loop.index0].content ~ n }}{% endfor %}'
    expect(line(source + source, messages)).toContain('message 40954096')
  })

  it('T35: reaches no host object', () => {
    const source = "{{ messages.__class__ }}{{ ''.__proto__ }}{{ messages.constructor }}{{ messages[0]['__proto__'] }}|"
    expect(line(source)).toBe('|')
    for (const expression of [
      "messages.constructor.constructor('return 1')()",
      "raise_exception.constructor('return 1')()",
      "''.constructor('x')",
      "range.call('x')",
    ]) {
      expect(errorOf(() => line(`{{ ${expression} }}`)).code).toBe('TEMPLATE_UNSUPPORTED')
    }
  })
})
