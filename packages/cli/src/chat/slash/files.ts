// Commands that read and write files: /read, /save, /load.

import { oneLine } from '../../errors.js'
import { bytes, count, plural } from '../../output.js'
import { LOOK } from '../../terminal/spans.js'
import { attached, pathOf, readText, wordsOf } from '../attachments.js'
import { type SlashCommand, SlashUsage } from './command.js'

export const read: SlashCommand = {
  name: '/read',
  usage: 'FILE…',
  help: 'add text files to the next message',
  completes: 'files',
  async run(chat, args) {
    const files = wordsOf(args).map(pathOf)
    if (files.length === 0) throw new SlashUsage('give one or more files')
    // All or none: half of what was asked for is easy to overlook.
    const texts = await Promise.all(files.map(async (file) => ({ file, text: await readText(file) })))
    for (const { file, text } of texts) {
      chat.attachments.push(attached(file, text))
      const tokens = chat.conversation.countTokens(text)
      const size = `${bytes(Buffer.byteLength(text))}, ${plural(count(tokens), 'token')}`
      await chat.screen.say(`${oneLine(file)} goes with your next message (${size}).`, LOOK.dim)
    }
    return undefined
  },
}

export const save: SlashCommand = {
  name: '/save',
  usage: 'FILE',
  help: 'save the conversation with its state, for /load and --session',
  completes: 'files',
  async run(chat, args) {
    const file = oneFile(args)
    await chat.conversation.save(file)
    await chat.screen.say(`Saved in ${oneLine(file)}.`, LOOK.dim)
    return undefined
  },
}

export const load: SlashCommand = {
  name: '/load',
  usage: 'FILE',
  help: 'go on with a saved conversation instead of this one',
  completes: 'files',
  async run(chat, args) {
    const file = oneFile(args)
    const recomputed = await chat.conversation.load(file)
    const { turns } = chat.conversation
    await chat.screen.say(`Going on with ${plural(turns, 'message')} from ${oneLine(file)}.`, LOOK.dim)
    if (recomputed !== null) {
      await chat.screen.say(`Everything said before is computed again: ${oneLine(recomputed.message)}`, LOOK.dim)
    }
    return undefined
  },
}

function oneFile(args: string): string {
  const [file, ...others] = wordsOf(args)
  if (file === undefined || others.length > 0) throw new SlashUsage('give one file; put a name with spaces in quotes')
  return pathOf(file)
}
