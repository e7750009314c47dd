// The demo model held to schemas, choices and patterns, with an independent judge of what it says.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ChatTemplate, encodeChat } from '@fak/chat'
import { demoModelUrl } from '@fak/demo-model'
import { openGguf } from '@fak/gguf/node'
import { type JsonSchema, jsonSchemaGrammar, regexGrammar, TokenGrammar, TokenTable } from '@fak/grammar'
import { NativeExecutor } from '@fak/kernels-native'
import { loadQwen35 } from '@fak/model-qwen35'
import { createSession, type DoneEvent, type GenerateOptions } from '@fak/session'
import { Tokenizer } from '@fak/tokenizer'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { chattyModel, fak, scratchFolder } from './harness.js'

const file = await openGguf(fileURLToPath(demoModelUrl))
const loaded = await loadQwen35(file, { metadata: file.metadata })
const prepared = await new NativeExecutor({ threads: 1 }).prepare(loaded.program(), loaded.weights)
const tokenizer = Tokenizer.fromGguf(file.metadata)
const template = ChatTemplate.parse(file.metadata.string('tokenizer.chat_template')!)
const table = new TokenTable(tokenizer)
const session = createSession(prepared, { tokenizer, stopTokens: [tokenizer.eosTokenId!], contextLength: 2048 })
afterAll(async () => {
  await session.dispose()
  await prepared.dispose()
  await file.close()
})
const { ids } = encodeChat(tokenizer, template, [{ role: 'user', content: 'What is the capital of France?' }])

async function say(
  grammar: TokenGrammar,
  options: GenerateOptions,
  prompt: ArrayLike<number> = ids,
): Promise<DoneEvent> {
  for await (const event of session.generate(prompt, { grammar, ...options })) if (event.type === 'done') return event
  throw new Error('no end')
}

const words = fc.constantFrom('a', 'city', 'né', 'x"y', 'sum', '<tool_call>')
const { schema } = fc.letrec<{ schema: JsonSchema }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'schema', withCrossShrink: true },
    fc.constantFrom<JsonSchema>({ type: 'boolean' }, { type: 'null' }, { type: 'integer' }, { type: 'number' }),
    fc.record({ type: fc.constant('string'), maxLength: fc.nat(12) }),
    fc.constantFrom<JsonSchema>(
      { type: 'string', pattern: '^[a-zé]{2,6}$' },
      { type: 'string', pattern: '\\d"', maxLength: 8 },
    ),
    fc.record({
      type: fc.constantFrom('integer', 'number'),
      minimum: fc.integer({ min: -50, max: 0 }),
      maximum: fc.integer({ min: 1, max: 999 }),
    }),
    fc.record({ enum: fc.array(fc.oneof(words, fc.integer(), fc.constant(null)), { minLength: 1, maxLength: 4 }) }),
    fc.record({
      type: fc.constant('array'),
      items: tie('schema'),
      minItems: fc.nat(1),
      maxItems: fc.integer({ min: 1, max: 3 }),
    }),
    fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
    fc
      .tuple(
        fc.dictionary(words, tie('schema'), { maxKeys: 4 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.boolean(),
      )
      .map(([properties, share, open]) => ({
        type: 'object',
        properties,
        required: Object.keys(properties).filter((_, i, all) => i < share * all.length),
        additionalProperties: open ? { type: 'boolean' } : false,
        maxProperties: 6,
      })),
  ),
}))

describe('the demo model', () => {
  it('says JSON that fits random schemas, however wildly it is sampled', async () => {
    const ajv = new Ajv2020({ strict: false })
    let finished = 0
    for (const [i, form] of fc.sample(schema, { numRuns: 60, seed: 11 }).entries()) {
      const grammar = new TokenGrammar(jsonSchemaGrammar(form), table)
      const validate = ajv.compile(form as object)
      for (const sampling of [
        { temperature: 1.5 },
        { temperature: 1.5, topK: 5, minP: 0.1 },
        { temperature: 2, presencePenalty: 2, typicalP: 0.9 },
        {},
      ]) {
        const { text, finishReason } = await say(grammar, { ...sampling, seed: i, maxTokens: 150 })
        if (finishReason !== 'stop') continue
        finished++
        expect([form, text, validate(JSON.parse(text))]).toEqual([form, text, true])
      }
    }
    expect(finished).toBeGreaterThan(200)
  }, 120_000)

  it('says what patterns match', async () => {
    for (const pattern of [
      '(\\p{Lu}\\p{Ll}+ ){1,3}\\d{2}',
      '[^\\x00-\\x7f]{3}',
      '(yes|no)(, (yes|no)){0,2}',
      '\\d{4}-\\d\\d-\\d\\d',
    ]) {
      const grammar = new TokenGrammar(regexGrammar(pattern), table)
      for (let seed = 0; seed < 10; seed++) {
        const { text, finishReason } = await say(grammar, { temperature: 1.5, seed, maxTokens: 100 })
        if (finishReason === 'stop') expect(text).toMatch(new RegExp(`^(?:${pattern})$`, 'u'))
        else expect(finishReason).toBe('length')
      }
    }
  })

  it('thinks first, freely or on a budget, and then keeps to the form', async () => {
    const grammar = new TokenGrammar(
      jsonSchemaGrammar({ type: 'array', items: { type: 'integer' }, maxItems: 3 }),
      table,
    )
    const thinking = encodeChat(tokenizer, template, [{ role: 'user', content: 'What is 2 plus 3?' }], {
      enableThinking: true,
    })
    expect(thinking.reasoningOpen).toBe(true)
    const reasoning = {
      end: tokenizer.idOf('</think>')!,
      before: tokenizer.encode('\n'),
      after: tokenizer.encode('\n\n'),
    }
    for (const budget of [undefined, 0, 1, 3]) {
      const { text, thought } = await say(
        grammar,
        { reasoning: { ...reasoning, ...(budget !== undefined && { budget }) } },
        thinking.ids,
      )
      expect(text).toMatch(/<\/think>\n\n\[[^\]]*\]$/)
      expect(thought!.closedBy).toBe(budget === undefined ? 'model' : 'budget')
      expect(Array.isArray(JSON.parse(text.split('</think>')[1]!))).toBe(true)
    }
  })
})

describe('fak chat', () => {
  const folder = scratchFolder()
  const model = chattyModel()
  const write = (name: string, content: unknown) => {
    const path = join(folder, name)
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
    return path
  }
  const person = write('person.json', {
    type: 'object',
    properties: { name: { type: 'string', maxLength: 8 }, age: { type: 'integer' } },
    required: ['name', 'age'],
  })
  const wild = ['--temp', '1.5', '--seed', '3']

  it('answers by a schema, choices or a pattern', async () => {
    const schema = await fak(['chat', '-p', 'Who?', '--schema', person, ...wild])
    expect(schema.code).toBe(0)
    expect(JSON.parse(schema.stdout)).toEqual({ name: expect.any(String), age: expect.any(Number) })
    const choice = await fak(['chat', '-p', 'Who?', '--choices', 'yes, no', ...wild])
    expect(choice.stdout).toMatch(/^(yes|no)\n$/)
    const regex = await fak(['chat', '-m', model, '-p', 'Who?', '--regex', '<tool_call>[ab]{3}', '--json', ...wild])
    const done = JSON.parse(regex.stdout.trimEnd().split('\n').at(-1)!)
    // What looks like a call is text.
    expect(done).toMatchObject({
      type: 'done',
      text: expect.stringMatching(/^<tool_call>[ab]{3}$/),
      toolCalls: [],
      finishReason: 'stop',
      thought: null,
    })
  })

  it('thinks on a budget, in sight and in figures', async () => {
    const run = async (...more: string[]) => {
      const { stdout, code } = await fak(['chat', '-p', 'What is 2 plus 3?', '--json', ...more])
      expect(code).toBe(0)
      return JSON.parse(stdout.trimEnd().split('\n').at(-1)!)
    }
    const cut = await run('--reasoning-budget', '2')
    expect(cut.thought).toEqual({ tokens: 2, closedBy: 'budget' })
    expect(cut.reasoning).not.toBe('')
    expect(cut.text).not.toContain('think>')
    const held = await run('--reasoning-budget', '2', '--schema', person)
    expect(JSON.parse(held.text)).toHaveProperty('age')
    expect(held.reasoning).toBe(cut.reasoning)
    const none = await run('--reasoning-budget', '0')
    expect(none).toMatchObject({ reasoning: '', thought: null, tokens: (await run('--no-think')).tokens })
    const { stderr } = await fak(['chat', '-p', 'What is 2 plus 3?', '--reasoning-budget', '2'])
    expect(stderr).toContain('thinking ended after 2')
  })

  it('calls a tool when it has to, with arguments that fit', async () => {
    const count = { type: 'integer', minimum: 1, maximum: 9 }
    const unit = { enum: ['day', 'week'] }
    const named = (name: string, properties: object, required: string[]) => ({
      type: 'function',
      function: { name, parameters: { type: 'object', properties, required } },
    })
    const tools = write('tools.json', [named('forecast', { count, unit }, ['count', 'unit']), named('stop', {}, [])])
    for (const [choice, names] of [
      ['required', ['forecast', 'stop']],
      ['forecast', ['forecast']],
    ] as const) {
      for (const seed of ['1', '2', '3']) {
        const argv = [
          'chat',
          '-p',
          'Weather?',
          '--tools',
          tools,
          '--tool-choice',
          choice,
          '--json',
          '--temp',
          '1.5',
          '--seed',
          seed,
        ]
        const { code, stdout } = await fak(argv)
        const done = JSON.parse(stdout.trimEnd().split('\n').at(-1)!)
        expect([code, done.finishReason, done.text]).toEqual([0, 'tool_calls', ''])
        const [call] = done.toolCalls
        expect(names).toContain(call.name)
        if (call.name === 'stop') expect(call.arguments).toEqual({})
        else expect(call.arguments).toEqual({ count: expect.any(Number), unit: expect.stringMatching(/^(day|week)$/) })
      }
    }
    const none = await fak(['chat', '-p', 'x', '--tools', tools, '--tool-choice', 'none-such'])
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('there is no tool of the name "none-such"')])
    const bad = write('bad-tools.json', [named('f', { a: { not: true } }, [])])
    const refused = await fak(['chat', '-p', 'x', '--tools', bad, '--tool-choice', 'f'])
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(
        /bad-tools.json: the keyword "not" is not supported \(f#\/properties\/a\/not\) \[GRAMMAR_UNSUPPORTED\]/,
      ),
    ])
    expect((await fak(['chat', '-p', 'x', '--tool-choice', 'required'])).code).toBe(2)
  })

  it('says that an answer was cut', async () => {
    const { stdout } = await fak(['chat', '-m', model, '-p', 'x', '--schema', person, '-n', '3', '--json'])
    expect(JSON.parse(stdout.trimEnd().split('\n').at(-1)!)).toMatchObject({
      finishReason: 'length',
      generatedTokens: 3,
    })
  })

  it.each([
    [['--schema', person, '--choices', 'a'], '--schema and --choices exclude each other'],
    [['--regex', 'a(b'], '--regex: pattern "a(b": this group is not closed (regex at byte 1) [GRAMMAR_BAD_REGEX]'],
    [['--choices', 'a,,b'], '--choices: a choice must be a string that is not empty'],
    [['--schema', person, '--stop', 'x'], '--schema and --stop exclude each other'],
    [['--choices', 'a', '--tools', 'tools.json'], '--choices and --tools exclude each other'],
    [['--reasoning-budget', '5', '--no-think'], '--reasoning-budget 5 and --no-think exclude each other'],
    [['--reasoning-budget', '0', '--think'], '--reasoning-budget 0 and --think exclude each other'],
    [['--reasoning-budget', '-1'], 'Allowed: an integer from 0'],
  ])('refuses %j', async (argv, said) => {
    const { code, stderr, stdout } = await fak(['chat', '-m', model, '-p', 'x', ...argv])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(said)
  })

  it.each([
    ['{"type": "integer"', /: is not JSON: .*\[SCHEMA_NOT_JSON\]\n$/],
    [
      { type: 'array', uniqueItems: true },
      /: uniqueItems is not supported \(#\/uniqueItems\) \[GRAMMAR_UNSUPPORTED\]\n$/,
    ],
    [
      { properties: { a: { type: 'int' } } },
      /"int" is no type; types are .* \(#\/properties\/a\/type\) \[GRAMMAR_BAD_SCHEMA\]\n$/,
    ],
    [false, /no finite text fits the constraint \[GRAMMAR_EMPTY\]\n$/],
  ])('says what is wrong with the schema %j', async (content, said) => {
    const path = write('bad.json', content)
    const { code, stderr } = await fak(['chat', '-m', model, '-p', 'x', '--schema', path])
    expect(code).toBe(1)
    expect(stderr.startsWith(path)).toBe(true)
    expect(stderr).toMatch(said)
  })

  it('says that a schema is not there', async () => {
    const { code, stderr } = await fak(['chat', '-m', model, '-p', 'x', '--schema', join(folder, 'none.json')])
    expect(code).toBe(1)
    expect(stderr).toContain('[FILE_NOT_FOUND]')
  })
})
