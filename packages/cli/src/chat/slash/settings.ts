// Commands about how answers come to be: /system, /think, /set, /model.

import { type GenerateOptions, MAX_STOP_STRING_LENGTH, MAX_STOP_STRINGS } from '@fak/session'
import { InvalidArgumentError } from 'commander'
import { nearest, oneLine } from '../../errors.js'
import { describeExecutor } from '../../runtime.js'
import { LOOK } from '../../terminal/spans.js'
import { integerFrom } from '../../values.js'
import { pathOf, wordsOf } from '../attachments.js'
import { SAMPLING_OPTIONS } from '../sampling-options.js'
import { type Chat, type SlashCommand, SlashUsage } from './command.js'

export const system: SlashCommand = {
  name: '/system',
  usage: '[TEXT]',
  help: 'show or change the system message; none takes it away',
  async run({ conversation, screen }, args) {
    if (args !== '') await conversation.setSystem(args === 'none' ? null : args)
    const { system } = conversation
    await screen.say(system === null ? 'There is no system message.' : `System message: ${system}`, LOOK.dim)
    return undefined
  },
}

const THINK = ['on', 'off', 'auto', 'budget N', 'show', 'hide', 'fold']

export const think: SlashCommand = {
  name: '/think',
  usage: '[HOW]',
  help: 'whether the model thinks first: on, off, auto, budget N; and what you see of it: show, hide, fold',
  completes: THINK,
  async run(chat, args) {
    const [what = '', value, ...rest] = wordsOf(args)
    const { conversation, screen } = chat
    if (rest.length > 0 || (value !== undefined && what !== 'budget'))
      throw new SlashUsage(`give one of ${THINK.join(', ')}`)
    switch (what) {
      case '':
        break
      case 'on':
      case 'off':
        conversation.setThinking({ thinking: what === 'on' })
        break
      case 'auto':
        conversation.setThinking({})
        break
      case 'budget': {
        const budget = parsed('budget', integerFrom(0, Number.MAX_SAFE_INTEGER), value ?? '') as number
        conversation.setThinking(budget === 0 ? { thinking: false } : { thinking: true, reasoningBudget: budget })
        break
      }
      case 'show':
        if (chat.lastThought !== '') await screen.say(chat.lastThought, LOOK.dim)
        chat.thinking = what
        break
      case 'hide':
      case 'fold':
        chat.thinking = what
        break
      default:
        throw new SlashUsage(`${oneLine(what)} is none of ${THINK.join(', ')}`)
    }
    await screen.say(thinkingOf(chat), LOOK.dim)
    return undefined
  },
}

function thinkingOf({ conversation, thinking: view }: Chat): string {
  const { thinking, reasoningBudget } = conversation.settings
  const whether = thinking === undefined ? "as the model's template has it" : thinking ? 'on' : 'off'
  const budget = reasoningBudget === undefined ? '' : `, at most ${reasoningBudget} tokens`
  const shown = { fold: 'folded when it is done', show: 'shown', hide: 'hidden' }[view]
  return `Thinking is ${whether}${budget}; it is ${shown}.`
}

/** Options that are no sampling. */
const OTHERS: readonly {
  name: string
  value: string
  help: string
  key: keyof GenerateOptions
  parse(text: string): unknown
}[] = [
  {
    name: 'tokens',
    value: 'n',
    help: 'most tokens of an answer',
    key: 'maxTokens',
    parse: integerFrom(1, Number.MAX_SAFE_INTEGER),
  },
  {
    name: 'stop',
    value: 'text',
    help: 'end the answer before this text; may be repeated',
    key: 'stop',
    parse: (text) => {
      if (text.length >= 1 && text.length <= MAX_STOP_STRING_LENGTH) return text
      throw new InvalidArgumentError(`Allowed: 1 to ${MAX_STOP_STRING_LENGTH} characters.`)
    },
  },
]

const NAMES = [...SAMPLING_OPTIONS.flatMap(({ names }) => names), ...OTHERS.map(({ name }) => name)]

export const set: SlashCommand = {
  name: '/set',
  usage: '[NAME VALUE]',
  help: 'how tokens are chosen: temp, top-k, seed, …; VALUE may be default; alone it lists all',
  completes: NAMES,
  async run(chat, args) {
    // `/set parameter temperature 1` is how Ollama has it.
    const [, name, value = ''] = /^(?:parameter\s+)?(\S+)\s*([\s\S]*)$/.exec(args) ?? []
    if (name === undefined) return listSettings(chat)
    if (name === 'think' || name === 'nothink') return think.run(chat, name === 'think' ? 'on' : 'off')
    if (name === 'system') return system.run(chat, value)
    const key = name.replaceAll('_', '-')
    const option = SAMPLING_OPTIONS.find(({ names }) => names.includes(key))
    const other = OTHERS.find((each) => each.name === key || (key === 'num-predict' && each.name === 'tokens'))
    if (option === undefined && other === undefined) {
      throw new SlashUsage(`there is no setting ${oneLine(name)}${nearest(key, NAMES)}; /set lists them`)
    }
    const { generate } = chat.conversation.settings
    const field = (option ?? other)!.key
    if (value === 'default') {
      const { [field]: _, ...rest } = generate
      chat.conversation.setGeneration(rest)
    } else if (value === '') throw new SlashUsage(`give ${key} a value, or default`)
    else chat.conversation.setGeneration({ ...generate, [field]: settingValue(key, value, generate) })
    await chat.screen.say(
      `${key} is ${value === 'default' ? shown(chat.conversation.sampling()[field]) : value}.`,
      LOOK.dim,
    )
    return undefined
  },
}

function settingValue(name: string, text: string, generate: GenerateOptions): unknown {
  const option = SAMPLING_OPTIONS.find(({ names }) => names.includes(name))
  if (option === undefined) {
    const other = OTHERS.find((each) => each.name === name) ?? OTHERS[0]!
    const value = parsed(name, other.parse, text)
    if (other.key !== 'stop') return value
    const stop = [...(generate.stop ?? []), value as string]
    if (stop.length > MAX_STOP_STRINGS) throw new SlashUsage(`at most ${MAX_STOP_STRINGS} texts end an answer`)
    return stop
  }
  const value = parsed(name, option.parse, text)
  const all =
    option.repeats === true
      ? [...((generate.logitBias as ReadonlyMap<number, number> | undefined) ?? []), value]
      : value
  return option.make === undefined ? all : option.make(all as never)
}

async function listSettings({ conversation, screen }: Chat): Promise<undefined> {
  const current = conversation.sampling()
  const rows: [string, string][] = [
    ...SAMPLING_OPTIONS.map(({ names, key, help }): [string, string] => [`${names[0]} ${shown(current[key])}`, help]),
    ...OTHERS.map(({ name, key, help }): [string, string] => [`${name} ${shown(current[key])}`, help]),
  ]
  await screen.pairs(rows)
  return undefined
}

function shown(value: unknown): string {
  if (value === undefined) return '-'
  if (value instanceof Map) return oneLine([...value].map(([id, bias]) => `${id}=${bias}`).join(' '))
  if (Array.isArray(value)) return oneLine(value.map((text) => JSON.stringify(text)).join(' '))
  if (typeof value === 'object' && value !== null) return String((value as { multiplier?: unknown }).multiplier)
  return String(value)
}

function parsed(name: string, parse: (text: string) => unknown, text: string): unknown {
  try {
    return parse(text)
  } catch (error) {
    if (error instanceof InvalidArgumentError)
      throw new SlashUsage(`${name} cannot be ${oneLine(text) || 'empty'}. ${error.message}`)
    throw error
  }
}

export const model: SlashCommand = {
  name: '/model',
  usage: '[MODEL]',
  help: 'show the model, or go on with another one',
  completes: 'files',
  async run(chat, args) {
    if (args !== '') await chat.switchModel(pathOf(args))
    const { opened } = chat.runtime
    await chat.screen.say(`${oneLine(opened.name)} · ${describeExecutor(chat.runtime)}`, LOOK.dim)
    return undefined
  },
}
