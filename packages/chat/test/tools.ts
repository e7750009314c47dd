// Tools for the tests of the parser, and outputs in the format of Qwen3.5.

import type { ChatTool } from '../src/index.js'

const tool = (name: string, properties: object | undefined, more: object = {}): ChatTool => ({
  type: 'function',
  function: { name, parameters: { type: 'object', ...(properties && { properties }), ...more } },
})

const string = { type: 'string' }
const nullable = (type: string) => ({ anyOf: [{ type }, { type: 'null' }] })

export const tools: ChatTool[] = [
  tool('get_weather', { location: string, days: { type: 'integer' } }, { required: ['location'] }),
  tool('python', { code: string }),
  tool('edit', { filename: string, oldString: string, newString: string }),
  tool('empty', {}),
  tool('bare', undefined),
  tool(
    'types',
    {
      i: { type: 'integer' },
      n: { type: 'number' },
      b: { type: 'boolean' },
      s: string,
      z: { type: 'null' },
      a: { type: 'array', items: string },
      o: { type: 'object' },
      e: { enum: ['red', 'green', 1, null] },
      c: { const: 5 },
      level: { type: 'string', enum: ['low', 'high'] },
      maybe: nullable('integer'),
      maybeText: nullable('string'),
      either: { type: ['string', 'number', 'boolean', 'null'] },
      listed: { anyOf: [{ type: 'array' }, { type: 'string' }] },
      both: { allOf: [{ type: ['integer', 'string'] }, { type: 'integer' }] },
      one: { oneOf: [{ type: 'integer' }, { type: 'boolean' }] },
      ref: { $ref: '#/$defs/count' },
      loop: { $ref: '#/$defs/loop' },
      open: { type: 'integer', nullable: true },
      shaped: { properties: { x: {} } },
      items: { items: {} },
      float: { type: 'float' },
      str: { type: 'str' },
      odd: { type: 'wibble' },
      free: {},
      'with spaces': { type: 'integer' },
      城市: string,
    },
    { $defs: { count: { type: 'integer' }, loop: { $ref: '#/$defs/loop' } } },
  ),
]

/** A call as the model writes it. */
export function call(name: string, args: Record<string, string>): string {
  const parameters = Object.entries(args).map(([key, value]) => `<parameter=${key}>\n${value}\n</parameter>\n`)
  return `<tool_call>\n<function=${name}>\n${parameters.join('')}</function>\n</tool_call>`
}
