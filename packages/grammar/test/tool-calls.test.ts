// Calls as @fak/chat reads them, with arguments that ajv judges.

import { readFileSync } from 'node:fs'
import { ChatTemplate, type ChatTool, parseReply } from '@fak/chat'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { type JsonSchema, toolCallGrammar } from '../src/index.js'
import { ids, over, pieces, qwenSlice, random, say, textOf } from './tokens.js'

const ajv = new Ajv2020({ strict: false, allErrors: true })
const tool = (name: string, parameters?: JsonSchema): ChatTool => ({
  type: 'function',
  function: { name, ...(parameters !== undefined && { parameters }) },
})
const object = (properties: Record<string, JsonSchema>, required = Object.keys(properties)): JsonSchema => ({
  type: 'object',
  properties,
  required,
})

const tools: Record<string, ChatTool> = {
  'no parameters': tool('now'),
  'an empty object': tool('now', { type: 'object', properties: {} }),
  scalars: tool(
    'f',
    object({
      text: { type: 'string', maxLength: 20 },
      count: { type: 'integer' },
      share: { type: 'number' },
      yes: { type: 'boolean' },
      none: { type: 'null' },
    }),
  ),
  'optional ones': tool(
    'f',
    object({ a: { type: 'integer' }, b: { type: 'string', pattern: '^[a-z]{1,4}$' }, c: { type: 'integer' } }, ['b']),
  ),
  'a required one without a schema': tool('f', { type: 'object', required: ['x'] }),
  'lists and objects': tool(
    'f',
    object({
      list: { type: 'array', items: { type: 'string', maxLength: 4 }, maxItems: 3 },
      deep: object({ a: { type: 'string', maxLength: 4 }, 'b<': { enum: ['<x', 1] } }),
    }),
  ),
  'lists of values': tool(
    'f',
    object({ unit: { enum: ['C', 'F', '</parameter>'] }, level: { enum: [1, 2, '2', null] }, one: { const: 'one' } }),
  ),
  'strings or something else': tool(
    'f',
    object({
      a: { type: ['string', 'null'], maxLength: 6 },
      b: { anyOf: [{ type: 'string', maxLength: 4 }, { type: 'integer' }, { type: 'array', maxItems: 2 }] },
      c: { anyOf: [{ enum: ['5', 'five'] }, { type: 'integer' }] },
    }),
  ),
  'no types': tool(
    'f',
    object({
      a: { maxLength: 3 },
      b: { pattern: '^x', maxLength: 4 },
      c: { properties: { d: { type: 'null' } } },
      d: { items: { type: 'null' } },
    }),
  ),
  references: tool('f', {
    $defs: { id: { type: 'integer', minimum: 1 } },
    ...(object({ id: { $ref: '#/$defs/id' }, more: { type: 'array', items: { $ref: '#/$defs/id' } } }) as object),
  }),
  'text with lines': tool('f', object({ text: { type: 'string', pattern: '^\\n?[<a]{1,3}\\n{1,2}$' } })),
}

const AWKWARD = pieces(
  [
    ...[
      '</',
      '<p',
      'parameter',
      '>',
      '=',
      '\n</',
      '</parameter>',
      '</function>\n',
      '<function=',
      '<parameter=',
      'true',
      'null',
      '12',
      '{"',
      '"}',
      '\n\n',
      ' ',
    ],
    ...['é', '中', Uint8Array.of(0xc3), Uint8Array.of(0xa9, 0x0a)],
  ],
  ['<tool_call>', '</tool_call>', '<think>', '<end>'],
)
const qwen = qwenSlice()

describe('calls', () => {
  it.each(Object.entries(tools))('are read as they should be: %s', (_, called) => {
    const validate = ajv.compile((called.function.parameters ?? { type: 'object' }) as object)
    const grammar = toolCallGrammar([called, tool('other')], { tool: called.function.name })
    let finished = 0
    for (const [source, seeds] of [
      [AWKWARD, 120],
      [qwen, 12],
    ] as const) {
      const held = over(grammar, source)
      for (let seed = 0; seed < seeds; seed++) {
        const said = say(held.begin(), random(seed), { most: 300 })
        if (said === null) continue
        finished++
        const text = textOf(source, said)
        const reply = parseReply(text, { tools: [called] })
        expect([text, reply.warnings, reply.text, reply.toolCalls.length]).toEqual([text, [], '', 1])
        const { name, arguments: given } = reply.toolCalls[0]!
        expect([text, name, validate(given), validate.errors]).toEqual([text, called.function.name, true, null])
      }
    }
    // Free text seldom comes to its end by chance.
    expect(finished).toBeGreaterThan(0)
  })

  it('begin with the token, not with its text, and end with one', () => {
    const matcher = over(toolCallGrammar([tool('now'), tool('nowhere')]), qwen).begin()
    expect(ids(matcher.allowed())).toEqual([qwen.idOf('<tool_call>')])
    matcher.accept(qwen.idOf('<tool_call>')!)
    for (const id of qwen.encode('\n<function=nowhere>\n</function>\n')) matcher.accept(id)
    expect(ids(matcher.allowed())).toEqual([qwen.idOf('</tool_call>')])
    matcher.accept(qwen.idOf('</tool_call>')!)
    expect([matcher.complete, ids(matcher.allowed())]).toEqual([true, []])
  })

  it('may hold any text that is not a tag of the format', () => {
    const matcher = over(toolCallGrammar([tool('f', object({ text: { type: 'string' } }))]), qwen).begin()
    matcher.accept(qwen.idOf('<tool_call>')!)
    const said = '\n<function=f>\n<parameter=text>\n\n{"a": <b>1</b>} </para\n\n\n</parameter>\n</function>\n'
    for (const id of qwen.encode(said)) matcher.accept(id)
    matcher.accept(qwen.idOf('</tool_call>')!)
    expect(matcher.complete).toBe(true)
    const [call] = parseReply(`<tool_call>${said}</tool_call>`, {
      tools: [tool('f', object({ text: { type: 'string' } }))],
    }).toolCalls
    expect(call!.arguments).toEqual({ text: '\n{"a": <b>1</b>} </para\n\n' })
  })
})

it.each<[ChatTool[], { tool?: string }, string, string]>([
  [[], {}, 'GRAMMAR_BAD_TOOL', 'tools'],
  [[tool('a')], { tool: 'b' }, 'GRAMMAR_BAD_TOOL', 'tools'],
  [[tool('a', object({ b: { not: true } }))], {}, 'GRAMMAR_UNSUPPORTED', 'a#/properties/b/not'],
  [[tool('a>', {})], {}, 'GRAMMAR_UNSUPPORTED', 'a>#'],
  [[tool('a', object({ 'b\n': true }))], {}, 'GRAMMAR_UNSUPPORTED', 'a#/properties'],
  [[tool('a', { type: 'string' })], {}, 'GRAMMAR_EMPTY', ''],
])('tools %# are refused', (given, options, code, field) => {
  const expected = code === 'GRAMMAR_EMPTY' ? { code } : { code, field }
  expect(() => toolCallGrammar(given, options)).toThrow(expect.objectContaining(expected))
})

it('a vocabulary without the tokens of calls is refused', () => {
  expect(() => over(toolCallGrammar([tool('a')]), pieces([]))).toThrow(
    expect.objectContaining({ code: 'GRAMMAR_BAD_VOCABULARY' }),
  )
})

it('takes the calls that the template of Qwen3.5 writes', () => {
  const source = readFileSync(new URL('../../../fixtures/templates/qwen.jinja', import.meta.url), 'utf8')
  const called = tools.scalars!
  const given = { text: 'Zürich\nHB', count: -3, share: 0.5 }
  const { required: _, ...schema } = called.function.parameters as Record<string, unknown>
  const optional = { ...called, function: { name: 'f', parameters: schema } }
  const messages = [
    { role: 'user', content: 'x' },
    {
      role: 'assistant',
      content: '',
      tool_calls: [{ id: 'c', type: 'function' as const, function: { name: 'f', arguments: JSON.stringify(given) } }],
    },
  ]
  const rendered = ChatTemplate.parse(`{%- set version = '3.5' -%}${source}`).render(messages, {
    tools: [optional],
    addGenerationPrompt: false,
  })
  const from = rendered.lastIndexOf('<tool_call>')
  const call = rendered.slice(from, rendered.indexOf('</tool_call>', from) + '</tool_call>'.length)
  const matcher = over(toolCallGrammar([optional]), qwen).begin()
  for (const id of qwen.encode(call, { special: 'all' })) matcher.accept(id)
  expect(matcher.complete).toBe(true)
})
