// Commands that tell and leave: /help, /stats, /exit.

import { rate, table } from '../../output.js'
import { LOOK } from '../../terminal/spans.js'
import { contextUse } from '../answer-view.js'
import type { SlashCommand } from './command.js'

/** What keys do, for /help. */
const KEYS: readonly (readonly [string, string])[] = [
  ['Enter', 'send; Alt-Enter, Ctrl-J or a \\ at the end begins another line, as """ does until the next """'],
  ['Ctrl-C', 'stop an answer; drop what is written; on an empty line, leave'],
  ['Ctrl-D', 'leave'],
  ['Ctrl-G', 'write in your own editor (VISUAL or EDITOR)'],
  ['Up, Down, Ctrl-R', 'earlier messages, also of earlier runs; Ctrl-R searches them'],
  ['Tab', 'complete a command, a setting or a file'],
]

/** The command that lists them all. */
export const help = (commands: () => readonly SlashCommand[]): SlashCommand => ({
  name: '/help',
  aliases: ['/?'],
  help: 'this list',
  async run({ screen }) {
    await screen.pairs(commands().map(({ name, usage = '', help }) => [`${name} ${usage}`.trim(), help]))
    await screen.say('')
    await screen.pairs(KEYS)
    await screen.say('')
    await screen.say('  A message that begins with a slash is written with two: //etc/hosts')
    return undefined
  },
})

export const stats: SlashCommand = {
  name: '/stats',
  help: 'tokens and speeds of the last answer, and how full the context is',
  async run({ conversation, screen }) {
    const { last, firstTokenMs, contextTokens, contextLength, answers, tokens } = conversation.figures
    await screen.say(contextUse(contextTokens, contextLength))
    if (last === null) {
      await screen.say('There is no answer yet.', LOOK.dim)
      return undefined
    }
    const { promptTokens, cachedTokens, timings, seed } = last
    const rows = [
      ['prompt', `${promptTokens} tokens, ${cachedTokens} cached, ${promptTokens - cachedTokens} evaluated`],
      ['prefill', `${rate(timings.prefillTokensPerSecond)} tok/s, ${(timings.prefillMs / 1000).toFixed(2)} s`],
      ['first token', firstTokenMs === null ? '-' : `after ${(firstTokenMs / 1000).toFixed(2)} s`],
      ['answer', `${last.tokens.length} tokens, ${rate(timings.tokensPerSecond)} tok/s, seed ${seed}`],
      ['all answers', `${answers}, ${tokens} tokens`],
    ]
    for (const line of table(rows)) await screen.say(line)
    return undefined
  },
}

export const exit: SlashCommand = {
  name: '/exit',
  aliases: ['/bye', '/quit', '/q'],
  help: 'leave',
  run: async () => 'exit',
}
