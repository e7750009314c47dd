// Chat on a terminal: a line editor per message, a streamed answer, slash commands.

import { createInterface } from 'node:readline'
import { FakError } from '@fak/tensor'
import { EXIT, oneLine, printable } from '../errors.js'
import type { CliIo } from '../io.js'
import { weightSummary } from '../model/opened.js'
import { count, type Output, rate } from '../output.js'
import { describeExecutor, type Runtime } from '../runtime.js'
import { StatusLine } from '../status-line.js'
import { callLine } from './calls.js'
import type { Conversation } from './conversation.js'
import { thoughtFigure } from './one-shot.js'
import { droppedNote } from './overflow.js'
import { runSlashCommand } from './slash-commands.js'
import type { TurnDone } from './turn.js'

const HISTORY_LINES = 500

/** What an interactive chat works with. */
export interface Interactive {
  readonly io: CliIo
  readonly output: Output
  readonly runtime: Runtime
  readonly conversation: Conversation
  readonly version: string
}

/** Talks until the user leaves; returns the exit code: 0 after /exit and Ctrl-D, 130 after Ctrl-C at the prompt. */
export async function chatOnTerminal(chat: Interactive): Promise<number> {
  await greet(chat)
  let history: string[] = []
  for (;;) {
    const input = await readMessage(chat, history, (lines) => {
      history = lines
    })
    if (input === 'interrupted') return EXIT.interrupted
    if (input === 'ended') return EXIT.done
    const text = input.text.trim()
    if (text === '') continue
    if (!text.startsWith('/')) {
      if ((await answer(text, chat)) === 'interrupted') return EXIT.interrupted
    } else if ((await runSlashCommand(text, chat)) === 'exit') return EXIT.done
  }
}

async function greet({ output, runtime, conversation, version }: Interactive): Promise<void> {
  const { opened } = runtime
  const { dtype, parameters } = weightSummary(opened)
  const model = `${opened.architecture}, ${count(parameters)} parameters, ${dtype}`
  await output.line(
    `${output.style('bold', `fak ${version}`)} · ${printable(opened.name)} (${model}) · ${describeExecutor(runtime)}`,
  )
  if (opened.isDemo) {
    await output.line('A tiny model of our own: it knows capitals, colours, days, small sums and this project.')
  }
  if (conversation.turns > 0) {
    const messages = `${conversation.turns} message${conversation.turns === 1 ? '' : 's'}`
    await output.line(`Going on with the conversation of ${messages} so far.`)
  }
  await output.line(output.style('dim', '/help lists commands, Ctrl-C stops an answer, Ctrl-D leaves'))
}

/** What was entered, and what stands on the line after it: a paste may end in the middle of one. */
interface Entered {
  readonly text: string
  readonly rest: string
}

type Ending = 'interrupted' | 'ended'

/** Reads a message: one line, or several when they end in a backslash or are pasted together. */
async function readMessage(
  chat: Interactive,
  history: string[],
  keep: (history: string[]) => void,
): Promise<{ text: string } | Ending> {
  const lines: string[] = []
  let begun = ''
  for (;;) {
    const input = await readLine(chat, { prompt: lines.length === 0 ? '\n> ' : '. ', begun }, history, keep)
    begun = ''
    if (input === 'interrupted' && lines.length > 0) {
      lines.length = 0
      continue
    }
    if (typeof input === 'string') return input
    const { text, rest } = input
    if (rest === '' && !text.endsWith('\\')) return { text: [...lines, text].join('\n') }
    lines.push(rest === '' ? text.slice(0, -1) : text)
    begun = rest
  }
}

/**
 * Reads one line with the editor, or the lines of one paste. The editor lives for this line only: while an answer is written the terminal is in its
 * ordinary mode, and Ctrl-C is a signal.
 */
function readLine(
  { io }: Interactive,
  { prompt, begun }: { prompt: string; begun: string },
  history: string[],
  keep: (history: string[]) => void,
): Promise<Entered | Ending> {
  return new Promise((resolve) => {
    if (prompt.startsWith('\n')) io.stdout.write('\n')
    const editor = createInterface({
      input: io.stdin,
      output: io.stdout,
      terminal: true,
      history: [...history],
      historySize: HISTORY_LINES,
      removeHistoryDuplicates: true,
      prompt: prompt.trimStart(),
    })
    let result: Entered | Ending = 'ended'
    const finish = (input: Entered | Ending) => {
      result = input
      editor.close()
    }
    editor.on('history', keep)
    const lines: string[] = []
    editor.on('line', (line) => {
      // The lines of a paste come one after another in the same turn of the event loop. An editor closed at the first would lose the others.
      if (lines.push(line) === 1) setImmediate(() => finish({ text: lines.join('\n'), rest: editor.line }))
    })
    editor.on('SIGINT', () => {
      if (editor.line === '') return finish('interrupted')
      // As in a shell: the first Ctrl-C drops what was typed.
      editor.write(null, { ctrl: true, name: 'e' })
      editor.write(null, { ctrl: true, name: 'u' })
    })
    editor.once('close', () => {
      if (typeof result === 'string') io.stdout.write('\n')
      resolve(result)
    })
    editor.prompt()
    if (begun !== '') editor.write(begun)
  })
}

/** Writes one answer. Ctrl-C stops it; a second one before it has stopped leaves. */
async function answer(text: string, { io, output, conversation }: Interactive): Promise<'interrupted' | undefined> {
  const stop = new AbortController()
  let presses = 0
  const release = io.onSignal('SIGINT', () => {
    presses++
    stop.abort()
  })
  const status = new StatusLine(io)
  let mode: 'reasoning' | 'text' = 'text'
  let begun = false
  try {
    for await (const event of conversation.ask(text, stop.signal)) {
      if (event.type === 'prefill') status.update('reading', event.done, event.total)
      else status.clear()
      if (event.type === 'reasoning' || event.type === 'text') {
        if (mode === 'reasoning' && event.type === 'text') await output.write('\n\n')
        mode = event.type
        await output.write(mode === 'text' ? shown(event.text) : output.style('dim', shown(event.text)))
        begun = true
      } else if (event.type === 'tool-call' || event.type === 'tool-call-incomplete') {
        await output.write(`${begun ? '\n' : ''}${output.style('cyan', `→ ${callLine(event)}`)}`)
        begun = true
      } else if (event.type === 'dropped-turns') {
        output.note(output.style('dim', `fak: ${droppedNote(event.turns)}`, 'stderr'))
      } else if (event.type === 'warning') {
        output.note(output.style('dim', `fak: ${event.reason}`, 'stderr'))
      } else if (event.type === 'done') {
        await output.write(`\n${output.style('dim', figures(event))}\n`)
      }
    }
  } catch (error) {
    if (!FakError.isInstance(error)) throw error
    // A prompt that does not fit, say: the conversation stands where it stood.
    await output.line(output.style('red', oneLine(error.message)))
  } finally {
    status.clear()
    release()
  }
  return presses > 1 ? 'interrupted' : undefined
}

/** Text that cannot act on the terminal. */
const shown = (text: string) =>
  text
    .split(/([\n\t])/)
    .map((part) => (/^[\n\t]$/.test(part) ? part : printable(part)))
    .join('')

function figures({ tokens, thought, promptTokens, cachedTokens, timings, finishReason }: TurnDone): string {
  const ended =
    finishReason === 'stop' || finishReason === 'tool_calls'
      ? ''
      : finishReason === 'aborted'
        ? ' (stopped)'
        : ` (ended by ${finishReason})`
  const decode = `${tokens.length} tokens${thoughtFigure(thought)}, ${rate(timings.tokensPerSecond)} tok/s${ended}`
  const cached = cachedTokens === 0 ? '' : `, ${cachedTokens} cached`
  return `${decode} · prompt ${promptTokens} tokens${cached}, ${rate(timings.prefillTokensPerSecond)} tok/s`
}
