import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type ChatEvent,
  ChatParser,
  type ChatParserOptions,
  type ChatReply,
  chatReply,
  parseChat,
  parseReply,
} from '../src/index.js'
import { call, tools } from './tools.js'

const callId = (index: number) => `c${index}`

/** Events of an output that comes in pieces. */
function eventsOf(pieces: readonly string[], options: ChatParserOptions = {}): ChatEvent[] {
  const parser = new ChatParser({ tools, callId, ...options })
  return [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()]
}

/** The events with neighbouring deltas of one kind as one. */
function merged(events: readonly ChatEvent[]): ChatEvent[] {
  const out: ChatEvent[] = []
  for (const event of events) {
    const last = out.at(-1)
    if ((event.type === 'text' || event.type === 'reasoning') && last?.type === event.type) {
      out[out.length - 1] = { ...last, text: last.text + event.text, raw: last.raw + event.raw }
    } else if (event.type === 'tool-call-delta' && last?.type === 'tool-call-delta' && last.index === event.index) {
      out[out.length - 1] = { ...last, json: last.json + event.json, raw: last.raw + event.raw }
    } else out.push(event)
  }
  return out
}

const raw = (events: readonly ChatEvent[]) => events.map((event) => event.raw).join('')

/** A reply in few words: prose, calls, the codes of the warnings. */
function brief({ reasoning, text, toolCalls, incomplete, warnings }: ChatReply) {
  return {
    ...(reasoning !== '' && { reasoning }),
    ...(text !== '' && { text }),
    ...(toolCalls.length > 0 && { calls: toolCalls.map((one) => [one.name, one.arguments]) }),
    ...(incomplete && { incomplete: incomplete.text }),
    ...(warnings.length > 0 && { warnings: warnings.map(({ code }) => code) }),
  }
}

type Expected = ReturnType<typeof brief>

// What llama.cpp (tests/test-chat.cpp, Qwen3.5-4B.jinja), ollama (model/parsers/qwen35_test.go, qwen3coder_test.go), vLLM
// (test_qwen3coder_tool_parser.py) and mlx-lm (test_tool_parsing.py) expect of outputs like these; the README says where we differ.
const weather = call('get_weather', { location: 'San Francisco', days: '3' })
const sf = ['get_weather', { location: 'San Francisco', days: 3 }]
const cases: [name: string, open: boolean, output: string, expected: Expected][] = [
  [
    'thinking and answer',
    true,
    "I'm\nthinking\n</think>\n\nHello!\nWhat's up?",
    { reasoning: "I'm\nthinking", text: "Hello!\nWhat's up?" },
  ],
  ['a tag at once', true, '</think>The final answer.', { text: 'The final answer.' }],
  [
    'an opening tag that the prompt has already',
    true,
    '<think>\nLet me think...</think>Answer.',
    { reasoning: 'Let me think...', text: 'Answer.' },
  ],
  ['thinking that never ends', true, 'Reasoning that never closes', { reasoning: 'Reasoning that never closes' }],
  ['thinking off', false, 'Plain answer.', { text: 'Plain answer.' }],
  ['thinking off, a closing tag', false, '</think>Some content.', { text: '</think>Some content.' }],
  ['one call', false, weather, { calls: [sf] }],
  [
    'without line breaks',
    false,
    '<tool_call><function=get_weather><parameter=location>San Francisco</parameter><parameter=days>3</parameter></function></tool_call>',
    { calls: [sf] },
  ],
  ['thinking, then a call', true, `Need it\n</think>\n\n${weather}`, { reasoning: 'Need it', calls: [sf] }],
  [
    'thinking, text, a call',
    true,
    `Hm.\n</think>\n\nLet me look.\n\n${weather}`,
    { reasoning: 'Hm.', text: 'Let me look.', calls: [sf] },
  ],
  [
    'a call inside the thinking',
    true,
    `Need weather lookup\n${weather}`,
    { reasoning: 'Need weather lookup', calls: [sf], warnings: ['call-in-thinking'] },
  ],
  ['nothing but a call inside the thinking', true, weather, { calls: [sf], warnings: ['call-in-thinking'] }],
  [
    'a call inside the thinking that goes on',
    true,
    `Hm.\n${weather}\n</think>\n\nDone.`,
    { reasoning: 'Hm.', text: 'Done.', calls: [sf], warnings: ['call-in-thinking', 'text-after-call'] },
  ],
  [
    'talk about calls inside the thinking',
    true,
    'I could use <tool_call> or <function=get_weather>.\n</think>\n\nNo.',
    { reasoning: 'I could use <tool_call> or <function=get_weather>.', text: 'No.', warnings: ['not-a-call'] },
  ],
  [
    'a fake beginning of a call, then the closing tag',
    true,
    'Need weather lookup<tool_c</think>',
    { reasoning: 'Need weather lookup<tool_c' },
  ],
  [
    'several calls',
    false,
    `${weather}\n${call('empty', {})}\n${call('python', { code: 'x' })}`,
    { calls: [sf, ['empty', {}], ['python', { code: 'x' }]] },
  ],
  [
    'several calls and text around them',
    false,
    `before\n${weather}\nafter1 ${call('empty', {})} after2\n`,
    { text: 'before\nafter1 after2\n', calls: [sf, ['empty', {}]], warnings: ['text-after-call', 'text-after-call'] },
  ],
  [
    'several functions in one call',
    false,
    '<tool_call>\n<function=empty>\n</function>\n<function=bare>\n</function>\n</tool_call>',
    {
      calls: [
        ['empty', {}],
        ['bare', {}],
      ],
    },
  ],
  [
    'code of several lines',
    false,
    call('python', { code: 'def hello():\n    print("Hello, world!")\n\nhello()' }),
    { calls: [['python', { code: 'def hello():\n    print("Hello, world!")\n\nhello()' }]] },
  ],
  [
    'code that begins with spaces',
    false,
    call('python', { code: '    print("Hello")' }),
    { calls: [['python', { code: '    print("Hello")' }]] },
  ],
  [
    'a value that ends in a line break',
    false,
    call('edit', { filename: 'foo.c', oldString: '#iclunde', newString: '#include\n' }),
    { calls: [['edit', { filename: 'foo.c', oldString: '#iclunde', newString: '#include\n' }]] },
  ],
  ['a value of line breaks', false, call('python', { code: '\n\n' }), { calls: [['python', { code: '\n\n' }]] }],
  ['an empty value', false, call('python', { code: '' }), { calls: [['python', { code: '' }]] }],
  [
    'an empty value on one line',
    false,
    '<tool_call><function=python><parameter=code></parameter></function></tool_call>',
    { calls: [['python', { code: '' }]] },
  ],
  [
    'angle brackets and ampersands',
    false,
    call('python', { code: 'ls && echo "a > b and a < b" </b> <parameter' }),
    { calls: [['python', { code: 'ls && echo "a > b and a < b" </b> <parameter' }]] },
  ],
  ['unicode', false, call('types', { 城市: '北京 🌍\u{1f600}' }), { calls: [['types', { 城市: '北京 🌍\u{1f600}' }]] }],
  [
    'an unknown tool',
    false,
    call('get current temperature', { 'with spaces': '7' }),
    { calls: [['get current temperature', { 'with spaces': '7' }]], warnings: ['unknown-tool'] },
  ],
  [
    'names in quotes',
    false,
    '<tool_call>\n<function="get_weather">\n<parameter="location">\n"SF"\n</parameter>\n</function>\n</tool_call>',
    { calls: [['get_weather', { location: '"SF"' }]] },
  ],
  [
    'a parameter that the tool lacks',
    false,
    call('get_weather', { location: 'x', planet: '3' }),
    { calls: [['get_weather', { location: 'x', planet: '3' }]], warnings: ['unknown-parameter'] },
  ],
  ['a tool without a schema', false, call('bare', { x: '3' }), { calls: [['bare', { x: '3' }]] }],
  [
    'a required parameter that is missing',
    false,
    call('get_weather', { days: '3' }),
    { calls: [['get_weather', { days: 3 }]], warnings: ['missing-parameter'] },
  ],
  [
    'a parameter twice',
    false,
    '<tool_call><function=python><parameter=code>a</parameter><parameter=code>b</parameter></function></tool_call>',
    { calls: [['python', { code: 'b' }]], warnings: ['duplicate-parameter'] },
  ],
  [
    'no <tool_call>',
    false,
    `I'll check.\n\n${weather.slice('<tool_call>\n'.length)}`,
    { text: "I'll check.", calls: [sf], warnings: ['missing-tag'] },
  ],
  [
    'no <tool_call> and no </tool_call>',
    false,
    '<function=empty>\n</function>',
    { calls: [['empty', {}]], warnings: ['missing-tag'] },
  ],
  ['a function in the middle of a line', false, 'Use <function=empty> now', { text: 'Use <function=empty> now' }],
  [
    'a function that there is not',
    false,
    '<function=nothing>\n</function>',
    { text: '<function=nothing>\n</function>' },
  ],
  ['no </tool_call>', false, weather.replace('\n</tool_call>', ''), { calls: [sf], warnings: ['missing-tag'] }],
  [
    'no </tool_call>, another call',
    false,
    `${weather.replace('\n</tool_call>', '')}\n${weather}`,
    { calls: [sf, sf], warnings: ['missing-tag'] },
  ],
  ['no </function>', false, weather.replace('</function>\n', ''), { calls: [sf], warnings: ['missing-tag'] }],
  [
    'no </parameter> before a parameter',
    false,
    weather.replace('Francisco\n</parameter>', 'Francisco'),
    { calls: [sf], warnings: ['missing-tag'] },
  ],
  [
    'no </parameter> at the end',
    false,
    weather.replace('3\n</parameter>', '3'),
    { calls: [sf], warnings: ['missing-tag'] },
  ],
  [
    'neither </parameter> nor </function>',
    false,
    weather.replace('3\n</parameter>\n</function>', '3'),
    { calls: [sf], warnings: ['missing-tag', 'missing-tag'] },
  ],
  [
    'text between the parameters',
    false,
    '<tool_call><function=empty> well </function></tool_call>',
    { calls: [['empty', {}]], warnings: ['missing-tag'] },
  ],
  [
    'a closing tag inside a value',
    false,
    call('python', { code: 'x = "</parameter>"\ny = "</function></tool_call>"' }),
    { calls: [['python', { code: 'x = "</parameter>"\ny = "</function></tool_call>"' }]] },
  ],
  [
    'an opening tag inside a value',
    false,
    call('python', { code: 'a\n<parameter=x>\nb\n<tool_call>' }),
    { calls: [['python', { code: 'a\n<parameter=x>\nb\n<tool_call>' }]] },
  ],
  [
    'a name without >',
    false,
    '<tool_call>\n<function=get_weather\n<parameter=x>1</parameter>\n</function>\n</tool_call>',
    {
      text: '<tool_call>\n<function=get_weather\n<parameter=x>1</parameter>\n</function>\n</tool_call>',
      warnings: ['not-a-call'],
    },
  ],
  [
    'a bad call and a good one',
    false,
    `<tool_call>\n<function=bad\n</function>\n</tool_call>\n${weather}`,
    { text: '<tool_call>\n<function=bad\n</function>\n</tool_call>', calls: [sf], warnings: ['not-a-call'] },
  ],
  [
    'a call that is none',
    false,
    'before <tool_call>abc</tool_call> after',
    { text: 'before <tool_call>abc</tool_call> after', warnings: ['not-a-call'] },
  ],
  [
    'JSON in the Hermes way',
    false,
    '<tool_call>\n{"name": "get_weather", "arguments": {"location": "a } \\"", "days": 3}}\n</tool_call>',
    { calls: [['get_weather', { location: 'a } "', days: 3 }]] },
  ],
  [
    'JSON with arguments as text',
    false,
    '<tool_call>{"name": "python", "arguments": "{\\"code\\": \\"x\\"}"}</tool_call>',
    { calls: [['python', { code: 'x' }]] },
  ],
  [
    'JSON that is no call',
    false,
    'so <tool_call>{"x": 1}</tool_call>',
    { text: 'so <tool_call>{"x": 1}</tool_call>', warnings: ['not-a-call'] },
  ],
  [
    'JSON inside the thinking',
    true,
    'a <tool_call>{"name": "empty"}</tool_call>',
    { reasoning: 'a ', calls: [['empty', {}]], warnings: ['call-in-thinking'] },
  ],
  [
    '__proto__ as a parameter',
    false,
    call('bare', { ['__proto__']: 'x', constructor: 'y' }),
    { calls: [['bare', JSON.parse('{"__proto__": "x", "constructor": "y"}')]] },
  ],
  ['an end after the tag', false, 'x <tool_call>', { text: 'x', incomplete: '<tool_call>' }],
  [
    'an end in the name',
    false,
    'x\n<tool_call>\n<function=get_w',
    { text: 'x', incomplete: '<tool_call>\n<function=get_w' },
  ],
  ['an end in a value', false, weather.slice(0, 70), { incomplete: weather.slice(0, 70) }],
  ['an end in JSON', false, '<tool_call>{"name": "a", "arg', { incomplete: '<tool_call>{"name": "a", "arg' }],
  ['half a tag', false, 'a <tool_ca', { text: 'a <tool_ca' }],
]

describe.each(cases)('%s', (_, open, output, expected) => {
  it('is sorted', () => {
    expect(brief(parseReply(output, { tools, open }))).toEqual(expected)
  })

  it('is sorted the same however it is cut, and nothing is lost', () => {
    const whole = merged(eventsOf([output], { open }))
    expect(raw(whole)).toBe(output)
    expect(merged(eventsOf(output.split(''), { open }))).toEqual(whole)
    for (let i = 1; i < output.length; i++) {
      expect(merged(eventsOf([output.slice(0, i), output.slice(i)], { open }))).toEqual(whole)
    }
  })

  it('loses nothing and runs nothing when it is cut off', () => {
    const complete = parseReply(output, { tools, open }).toolCalls.length
    for (let i = 0; i < output.length; i++) {
      const events = eventsOf([output.slice(0, i)], { open })
      expect(raw(events)).toBe(output.slice(0, i))
      expect(events.at(-1)).toMatchObject({ type: 'end' })
      const calls = events.filter(({ type }) => type === 'tool-call').length
      expect(calls).toBeLessThanOrEqual(complete)
      const begun = events.filter(({ type }) => type === 'tool-call-start').length
      const incomplete = events.filter((event) => event.type === 'tool-call-incomplete' && event.index !== null).length
      expect(begun).toBe(calls + incomplete)
    }
  })
})

describe('values', () => {
  it('may belong to tools and parameters of any name', () => {
    for (const name of ['more', 'other', 'undefined', 'null']) {
      const text = `<tool_call>\n<function=${name}>\n<parameter=${name}>\nx\n</parameter>\n</function>\n</tool_call>`
      const { toolCalls } = parseReply(text, { tools: [] })
      expect(toolCalls.map((found) => [found.name, found.arguments])).toEqual([[name, { [name]: 'x' }]])
    }
  })

  // [parameter, text, value, does it fit?]
  const values: [string, string, unknown, boolean?][] = [
    ['i', '42', 42],
    ['i', ' -7 ', -7],
    ['i', '007', 7],
    ['i', '3.0', 3],
    ['i', '1e3', 1000],
    ['i', '2147483648', 2147483648],
    ['i', '3.5', '3.5', false],
    ['i', 'three', 'three', false],
    ['i', 'null', 'null', false],
    ['i', '', '', false],
    ['n', '3.14', 3.14],
    ['n', '-273.15', -273.15],
    ['n', '1.5e-3', 0.0015],
    ['n', '.5', 0.5],
    ['n', '100.0', 100],
    ['n', '3.14.159', '3.14.159', false],
    ['n', 'NaN', 'NaN', false],
    ['n', '1e999', '1e999', false],
    ['b', 'true', true],
    ['b', 'True', true],
    ['b', 'FALSE', false],
    ['b', 'yes', 'yes', false],
    ['z', 'null', null],
    ['z', 'None', null],
    ['s', 'null', 'null'],
    ['s', '12345', '12345'],
    ['s', '{"this": "is"}', '{"this": "is"}'],
    ['s', '  \n x', '  \n x'],
    ['s', 'tab\t"quote" \\ \u2028 \u0001', 'tab\t"quote" \\ \u2028 \u0001'],
    ['a', '["a", 1, null]', ['a', 1, null]],
    ['a', '\n[\n1]\n', [1]],
    ['a', '[1, 2', '[1, 2', false],
    ['a', '{}', '{}', false],
    ['o', '{"k": {"n": [true]}}', { k: { n: [true] } }],
    ['o', "{'k': True}", "{'k': True}", false],
    ['e', 'red', 'red'],
    ['e', '1', 1],
    ['e', 'null', null],
    ['e', 'blue', 'blue', false],
    ['c', '5', 5],
    ['level', 'low', 'low'],
    ['level', 'Low', 'Low', false],
    ['maybe', '5', 5],
    ['maybe', 'null', null],
    ['maybeText', 'null', null],
    ['maybeText', 'hello', 'hello'],
    ['either', '42.5', 42.5],
    ['either', 'true', true],
    ['either', 'True', 'True'],
    ['either', '007', '007'],
    ['either', 'null', null],
    ['either', 'hello', 'hello'],
    ['listed', '["x"]', ['x']],
    ['listed', 'Error: no data', 'Error: no data'],
    ['both', '5', 5],
    ['both', 'x', 'x', false],
    ['one', '5', 5],
    ['one', 'false', false],
    ['ref', '5', 5],
    ['loop', 'x', 'x'],
    ['open', 'null', null],
    ['shaped', '{"x": 1}', { x: 1 }],
    ['items', '[1]', [1]],
    ['float', '2.5', 2.5],
    ['str', '2.5', '2.5'],
    ['odd', '2.5', '2.5'],
    ['free', '2.5', '2.5'],
    ['with spaces', '5', 5],
  ]
  it.each(values)('%s = %j is %j', (name, text, value, fits = true) => {
    const { toolCalls, warnings } = parseReply(call('types', { [name]: text }), { tools })
    expect(toolCalls[0]!.arguments).toEqual({ [name]: value })
    expect(warnings.map(({ code }) => code)).toEqual(fits ? [] : ['unfit-value'])
  })

  it('keep large integers whole in the JSON text', () => {
    const { toolCalls } = parseReply(call('types', { i: '12345678901234567890' }), { tools })
    expect(toolCalls[0]!.json).toBe('{"i": 12345678901234567890}')
  })
})

// Pieces that outputs are made of, whole tags and halves.
const fragment = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      '<tool_call>',
      '</tool_call>',
      '<function=get_weather>',
      '<function=types>',
      '<function=x>',
      '</function>',
      '<parameter=location>',
      '<parameter=i>',
      '<parameter=days>',
      '<parameter=s>',
      '</parameter>',
      '<think>',
      '</think>',
    ),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      '\n',
      '\n\n',
      ' ',
      'text',
      '5',
      '😀',
      '\ud83d',
      '\ude00',
      '{',
      '}',
      '"',
      '{"name": "empty", "arguments": {}}',
      '\\',
      ' '.repeat(70),
      'n'.repeat(300),
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom('<', '<tool', '</', '</para', '<function=', '<parameter=', '>', '</think') },
  { weight: 3, arbitrary: fc.constantFrom(weather, call('types', { i: '5', s: 'a\n\nb' }), `\n${call('empty', {})}`) },
)

describe('any output', () => {
  const runs = { numRuns: 1000 }
  const output = fc.array(fragment, { maxLength: 30 }).map((parts) => parts.join(''))
  const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 12 })

  it('is sorted the same however it is cut, and nothing is lost', () => {
    fc.assert(
      fc.property(output, cuts, fc.boolean(), (text, at, open) => {
        const whole = merged(eventsOf([text], { open }))
        expect(raw(whole)).toBe(text)
        const places = [...new Set([0, ...at.map((place) => place % (text.length + 1)), text.length])].sort(
          (a, b) => a - b,
        )
        const pieces = places.slice(1).map((place, i) => text.slice(places[i], place))
        expect(merged(eventsOf(pieces, { open }))).toEqual(whole)
        expect(merged(eventsOf(text.split(''), { open }))).toEqual(whole)
      }),
      runs,
    )
  })

  it('has arguments whose pieces are their JSON', () => {
    fc.assert(
      fc.property(output, fc.boolean(), (text, open) => {
        const events = eventsOf(text.split(''), { open })
        for (const event of events) {
          if (event.type !== 'tool-call') continue
          const pieces = events.flatMap((one) =>
            one.type === 'tool-call-delta' && one.index === event.index ? [one.json] : [],
          )
          expect(pieces.join('')).toBe(event.json)
          expect(JSON.parse(event.json)).toEqual(event.arguments)
        }
        const { toolCalls, message } = chatReply(events)
        expect(message.tool_calls?.length ?? 0).toBe(toolCalls.length)
      }),
      runs,
    )
  })
})

describe('a stream', () => {
  it('tells what is certain at once', () => {
    const parser = new ChatParser({ tools, callId })
    const push = (text: string) => parser.push(text).map(({ raw: _, ...event }) => event)
    expect(push('Let me')).toEqual([{ type: 'text', text: 'Let me' }])
    expect(push(' see.\n\n<tool')).toEqual([{ type: 'text', text: ' see.' }])
    expect(push('_call>\n<function=python>')).toEqual([
      { type: 'tool-call-start', index: 0, id: 'c0', name: 'python' },
      { type: 'tool-call-delta', index: 0, id: 'c0', json: '{' },
    ])
    expect(push('\n<parameter=code>\nimport')).toEqual([
      { type: 'tool-call-delta', index: 0, id: 'c0', json: '"code": "' },
      { type: 'tool-call-delta', index: 0, id: 'c0', json: 'import' },
    ])
    expect(push(' os\n')).toEqual([{ type: 'tool-call-delta', index: 0, id: 'c0', json: ' os' }])
    expect(push('</parameter>')).toEqual([])
  })

  it('passes the events of a session on, with the end before done', async () => {
    async function* session() {
      yield { type: 'prefill' as const, done: 1 }
      yield { type: 'token' as const, text: 'Hel' }
      yield { type: 'text' as const, text: 'Hello ' }
      yield { type: 'done' as const, text: 'Hello ' }
    }
    const types: string[] = []
    for await (const event of parseChat(session(), { tools })) types.push(event.type)
    expect(types).toEqual(['prefill', 'token', 'text', 'text', 'end', 'done'])
    for await (const event of parseChat([weather], { tools })) types.push(event.type)
    expect(types.at(-1)).toBe('end')
  })

  it('makes the message of the next turn', () => {
    const { message } = parseReply(`Hm.\n</think>\n\nSee:\n\n${weather}`, { tools, open: true, callId })
    expect(message).toEqual({
      role: 'assistant',
      content: 'See:',
      reasoning_content: 'Hm.',
      tool_calls: [
        {
          id: 'c0',
          type: 'function',
          function: { name: 'get_weather', arguments: '{"location": "San Francisco", "days": 3}' },
        },
      ],
    })
    expect(parseReply(weather).toolCalls[0]!.id).toMatch(/^call_[0-9a-f]{24}$/)
  })

  it.each(['<', ' ', '\n', 'a', '</parameter>', '<parameter=', '<tool_call>', '{', '😀'])(
    'of %j takes time linear in its length',
    (piece) => {
      const time = (count: number): number => {
        const parser = new ChatParser({ tools })
        const start = performance.now()
        parser.push('<tool_call><function=python><parameter=code>')
        for (let i = 0; i < count; i++) parser.push(piece)
        parser.end()
        const prose = new ChatParser({ tools })
        for (let i = 0; i < count; i++) prose.push(piece)
        prose.end()
        return performance.now() - start
      }
      const best = (count: number) => Math.min(time(count), time(count), time(count))
      best(1000)
      // 32 times the length; quadratic time would be 1024 times as much.
      expect(best(16_000) / Math.max(best(500), 1)).toBeLessThan(320)
    },
  )
})
