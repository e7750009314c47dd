// The table of slash commands, and how a line finds its command.

import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { FakError } from '@fak/tensor'
import type { Completion } from '../../editor/line-editor.js'
import { nearest, oneLine, UsageError } from '../../errors.js'
import { LOOK } from '../../terminal/spans.js'
import { imageIn, isFile, noImages, pathOf } from '../attachments.js'
import { exit, help, stats } from './about.js'
import { type Chat, type Next, type SlashCommand, SlashUsage } from './command.js'
import { load, read, save } from './files.js'
import { model, set, system, think } from './settings.js'
import { clear, edit, regen } from './turns.js'

const COMMANDS: readonly SlashCommand[] = [
  help(() => COMMANDS),
  exit,
  clear,
  regen,
  edit,
  system,
  think,
  set,
  stats,
  save,
  load,
  read,
  model,
]
const NAMES = COMMANDS.flatMap(({ name, aliases = [] }) => [name, ...aliases])

/** Runs the command of a line that begins with a slash. What goes wrong is said, and the chat goes on. */
export async function runSlashCommand(line: string, chat: Chat): Promise<Next> {
  const [, name = '', args = ''] = /^(\S+)\s*([\s\S]*)$/.exec(line.trim())!
  const command = COMMANDS.find((each) => each.name === name || each.aliases?.includes(name))
  try {
    if (command !== undefined) return await command.run(chat, args.trim())
    // A file that was dropped on the terminal begins with a slash too.
    const image = imageIn(line)
    if (image !== null) throw noImages(image, 'by its name')
    const path = pathOf(line.trim())
    if (isFile(path)) throw new SlashUsage(`to add that file to your next message: /read ${line.trim()}`)
    const known = nearest(name, NAMES)
    throw new SlashUsage(
      `there is no command ${oneLine(name.slice(0, 40))}${known}; /help lists them, // begins a message with a slash`,
    )
  } catch (error) {
    if (error instanceof SlashUsage) {
      await chat.screen.say(
        command === undefined ? sentence(error.message) : `${command.name}: ${error.message}`,
        LOOK.red,
      )
    } else if (FakError.isInstance(error) || error instanceof UsageError) {
      await chat.screen.say(oneLine((error as Error).message), LOOK.red)
    } else throw error
    return undefined
  }
}

const sentence = (text: string) => text[0]!.toUpperCase() + text.slice(1)

/** Completes a slash command, its word, or its file. */
export function completeSlash(text: string): Completion | null {
  const [, name = '', space = '', args = ''] = /^(\/\S*)(\s*)([\s\S]*)$/.exec(text) ?? []
  if (name === '') return null
  if (space === '')
    return completion(
      '',
      name,
      COMMANDS.map((each) => each.name),
      ' ',
    )
  const completes = COMMANDS.find((each) => each.name === name)?.completes
  if (completes === undefined) return null
  const word = /\S*$/.exec(args)![0]
  const before = text.slice(0, text.length - word.length)
  if (completes !== 'files') return completion(before, word, completes, ' ')
  const slash = word.lastIndexOf('/') + 1
  const folder = word.slice(0, slash)
  const completed = completion(before + folder, word.slice(slash), filesIn(folder), '')
  return completed
}

function filesIn(folder: string): string[] {
  const path = pathOf(folder === '' ? '.' : folder)
  try {
    if (!existsSync(path)) return []
    return readdirSync(path).map((name) =>
      statSync(join(dirname(join(path, 'x')), name), { throwIfNoEntry: false })?.isDirectory() ? `${name}/` : name,
    )
  } catch {
    return []
  }
}

function completion(before: string, word: string, all: readonly string[], behind: string): Completion | null {
  const choices = all.filter((each) => each.startsWith(word) && (word !== '' || !each.startsWith('.')))
  if (choices.length === 0) return null
  let common = choices[0]!
  for (const choice of choices) while (!choice.startsWith(common)) common = common.slice(0, -1)
  return { text: before + common + (choices.length === 1 ? behind : ''), choices }
}
