// Commands about what was said: /regen, /edit, /clear.

import { LOOK } from '../../terminal/spans.js'
import { type SlashCommand, SlashUsage } from './command.js'

export const regen: SlashCommand = {
  name: '/regen',
  aliases: ['/retry'],
  help: 'answer the last message again',
  async run({ conversation }, args) {
    if (args !== '') throw new SlashUsage('takes nothing')
    if (conversation.turns === 0) throw new SlashUsage('there is no message to answer yet')
    return { answer: (signal) => conversation.again(signal) }
  },
}

export const edit: SlashCommand = {
  name: '/edit',
  usage: '[N]',
  help: 'change your last message, or your Nth, and have it answered again',
  async run({ conversation }, args) {
    const { questions } = conversation
    if (questions.length === 0) throw new SlashUsage('there is no message to change yet')
    const number = args === '' ? questions.length : /^\d{1,9}$/.test(args) ? Number(args) : 0
    if (number < 1 || number > questions.length)
      throw new SlashUsage(`give the number of a message, 1 to ${questions.length}`)
    return { edit: number, draft: questions[number - 1]! }
  },
}

export const clear: SlashCommand = {
  name: '/clear',
  aliases: ['/new', '/reset'],
  help: 'forget the conversation; the system message stays',
  async run({ conversation, attachments, screen }) {
    await conversation.clear()
    attachments.length = 0
    await screen.say('The conversation is forgotten.', LOOK.dim)
    return undefined
  },
}
