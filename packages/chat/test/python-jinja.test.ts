// What Python Jinja renders, set up as HF transformers does it (fixtures/templates), by this package's engine.

import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { FakError } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import { type ChatMessage, ChatTemplate, type ChatTool, encodeChat, type RenderOptions } from '../src/index.js'
import { tokenizer } from './chatml.js'

type Rendered = string | { raises: string }

interface Conversation {
  name: string
  messages: ChatMessage[]
  tools?: ChatTool[]
  kwargs: Record<string, unknown>
  exact?: true
  rendered: Record<string, Rendered>
}

const fixture = (name: string) => readFileSync(new URL(`../../../fixtures/templates/${name}`, import.meta.url))
const conversations: Conversation[] = JSON.parse(gunzipSync(fixture('conversations.json.gz')).toString())
const source = fixture('qwen.jinja').toString()
const templates = new Map(
  ['3.5', '3.5-small', '3.6', '3.8'].map((version) => [
    version,
    ChatTemplate.parse(`{%- set version = '${version}' -%}\n${source}`),
  ]),
)

/** A case in this package's own words. */
function optionsOf({ tools, kwargs }: Conversation): RenderOptions {
  const { enable_thinking, preserve_thinking, reasoning_effort, add_generation_prompt, ...variables } = kwargs
  return {
    tools,
    enableThinking: enable_thinking as boolean | undefined,
    preserveThinking: preserve_thinking as boolean | undefined,
    reasoningEffort: reasoning_effort as string | undefined,
    addGenerationPrompt: add_generation_prompt as boolean | undefined,
    variables,
  }
}

function outcome(render: () => string): Rendered {
  try {
    return render()
  } catch (error) {
    if (!FakError.isInstance(error, 'TEMPLATE_RAISED')) throw error
    return { raises: error.reason.replace(/^the template refuses these messages: "(.*?)…?"$/, '$1') }
  }
}

/** The outcome in Python, with its message as far as an error of ours repeats it. */
const rawExpected = (rendered: Rendered): Rendered =>
  typeof rendered === 'string' ? rendered : { raises: rendered.raises.slice(0, 80) }

/** The same after a tokenizer that normalizes. */
const expectedOf = (rendered: Rendered): Rendered =>
  typeof rendered === 'string' ? rendered.normalize('NFC') : rawExpected(rendered)

/** The messages with tool arguments as objects. */
const withObjects = (messages: ChatMessage[]): ChatMessage[] =>
  JSON.parse(JSON.stringify(messages), (key, value) => (key === 'arguments' ? JSON.parse(value || '{}') : value))

describe.each([...templates])('Qwen%s', (version, template) => {
  it('renders every conversation as Python does', () => {
    for (const conversation of conversations) {
      const { name, messages, rendered } = conversation
      const options = optionsOf(conversation)
      expect(
        outcome(() => template.render(messages, options)),
        name,
      ).toEqual(rawExpected(rendered[version]!))
    }
  })

  it('takes tool arguments as objects', () => {
    const cases = conversations.filter(({ exact }, i) => exact && i % 3 === 0)
    expect(cases.length).toBeGreaterThan(50)
    for (const conversation of cases) {
      const { name, messages, rendered } = conversation
      const options = optionsOf(conversation)
      expect(
        outcome(() => template.render(withObjects(messages), options)),
        name,
      ).toEqual(rawExpected(rendered[version]!))
    }
  })

  it('encodes conversations to the same text, whatever control tokens they hold', () => {
    for (const conversation of conversations.filter((_, i) => i % 4 === 0)) {
      const { name, messages, rendered } = conversation
      const text = outcome(() =>
        tokenizer.decode(encodeChat(tokenizer, template, messages, optionsOf(conversation)).ids),
      )
      expect(text, name).toEqual(expectedOf(rendered[version]!))
    }
  })
})

// The renderings of templates that are not kept here; fixtures/README.md says how the file comes about.
const theirs = process.env.FAK_TEST_TEMPLATES
describe.skipIf(theirs === undefined)('templates by the makers of the models', () => {
  const files: { version: string; template: string; cases: Conversation[] }[] =
    theirs !== undefined && existsSync(theirs) ? JSON.parse(readFileSync(theirs, 'utf8')) : []

  it('are there', () => expect(files).not.toEqual([]))

  it.each(files)('$version renders as in Python', ({ version, template, cases }) => {
    const parsed = ChatTemplate.parse(template)
    for (const conversation of cases) {
      const options = optionsOf(conversation)
      // The 3.5 template knows neither of these and ignores them.
      if (!template.includes('preserve_thinking')) delete options.preserveThinking
      if (!template.includes('reasoning_effort')) delete options.reasoningEffort
      const expected = conversation.rendered[version]!
      expect(
        outcome(() => parsed.render(conversation.messages, options)),
        conversation.name,
      ).toEqual(rawExpected(expected))
      const ids = () => tokenizer.decode(encodeChat(tokenizer, parsed, conversation.messages, options).ids)
      expect(outcome(ids), conversation.name).toEqual(expectedOf(expected))
    }
  })
})

interface Construct {
  template: string
  variables: Record<string, unknown>
  rendered: Rendered
}

/** Constructs in which the engine is known to differ, and how: each is refused, or has what it gives instead. */
const DIFFERENT: Readonly<Record<string, string>> = {
  '{{ 1e16 }}': 'TEMPLATE_SYNTAX',
  '{{ s|first }}': 'TEMPLATE_UNSUPPORTED',
  '{{ l|sum }}': 'TEMPLATE_UNSUPPORTED',
  '{{ l|min }}': 'TEMPLATE_UNSUPPORTED',
  '{{ l|max }}': 'TEMPLATE_UNSUPPORTED',
  "{{ l|map('string')|join }}": 'TEMPLATE_FAILED',
  '{{ 1e16|tojson }}': 'TEMPLATE_SYNTAX',
  '{{ f is float }}': 'TEMPLATE_UNSUPPORTED',
  '{{ n is eq(7) }}': 'TEMPLATE_SYNTAX',
  '{{ undefined_name.x }}': '',
  '{{ d.items()|list }}': "[['b', 1], ['a', [1, {'k': \"v'\"}]], ['C', None]]",
  '{{ d|items|list }}': "[['b', 1], ['a', [1, {'k': \"v'\"}]], ['C', None]]",
  '{{ d|dictsort }}': "[['a', [1, {'k': \"v'\"}]], ['b', 1], ['C', None]]",
  '{{ d|list }}': 'TEMPLATE_UNSUPPORTED',
  "{{ '-'.join(['a', 'b']) }}": 'TEMPLATE_UNSUPPORTED',
  "{{ 'a%sb' % 'x' }}": 'TEMPLATE_FAILED',
  "{{ 'abc'.find('b') }}": 'TEMPLATE_UNSUPPORTED',
  "{{ 'a'.isdigit() }}": 'TEMPLATE_UNSUPPORTED',
  '{{ -2.7|int }}': '-3',
  '{{ 2.5|round }}': 'TEMPLATE_UNSUPPORTED',
  '{{ 2.567|round(2) }}': 'TEMPLATE_UNSUPPORTED',
  "{{ '<b>'|escape }}": 'TEMPLATE_UNSUPPORTED',
  '{{ dict(a=1).a }}': 'TEMPLATE_UNSUPPORTED',
  '{% for c in s %}{{ c }}.{% endfor %}': 'TEMPLATE_FAILED',
  '{% for x in l %}{% if loop.first %}{% set y = x %}{% endif %}{{ y }};{% endfor %}{{ y }}': '3;3;3;',
  '{% raw %}{{ x }}{% endraw %}': 'TEMPLATE_UNSUPPORTED',
}

describe('single constructs', () => {
  const constructs: Construct[] = JSON.parse(fixture('constructs.json').toString())
  const result = ({ template, variables }: Construct): string => {
    try {
      return ChatTemplate.parse(template).render([], { variables })
    } catch (error) {
      if (!FakError.isInstance(error)) throw error
      return error.code === 'TEMPLATE_EMPTY' ? '' : error.code
    }
  }

  it.each(constructs.map((construct) => [construct.template, construct] as const))('%s', (template, construct) => {
    const given = result(construct)
    const { rendered } = construct
    const same = typeof rendered === 'string' ? given === (rendered.trim() && rendered) : given.startsWith('TEMPLATE_')
    if (Object.hasOwn(DIFFERENT, template)) {
      // A difference that has gone must be taken from the list.
      expect({ given, same }).toEqual({ given: DIFFERENT[template], same: false })
    } else {
      expect({ given, python: rendered, same }).toMatchObject({ same: true })
    }
  })
})
