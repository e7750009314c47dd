// One answer: the text alone on stdout, or one JSON object per line; figures on stderr.

import type { CliIo } from '../io.js'
import { visible } from '../markdown/markdown.js'
import { weightSummary } from '../model/opened.js'
import { count, type Output, rate, table } from '../output.js'
import { describeExecutor, type Runtime } from '../runtime.js'
import { StatusLine } from '../status-line.js'
import { AnswerView } from './answer-view.js'
import { callLine } from './calls.js'
import { speculationFigure, thoughtFigure } from './figures.js'
import { droppedNote } from './overflow.js'
import { Screen } from './screen.js'
import type { TurnDone, TurnEvent } from './turn.js'

/** What an answer is printed with. */
export interface Answering {
  readonly io: CliIo
  readonly output: Output
  readonly runtime: Runtime
  /** The one to ask: a `Conversation`. */
  readonly conversation: { ask(text: string, signal: AbortSignal): AsyncIterable<TurnEvent> }
  readonly signal: AbortSignal
  /** Whether a terminal shows the answer as Markdown. */
  readonly markdown: boolean
}

/** Answers as text: the answer streams to stdout, calls of tools as lines behind it; thinking is shown only to a person at a terminal. */
export async function answerAsText(prompt: string, answering: Answering): Promise<void> {
  const { io, output, runtime, conversation, signal } = answering
  if (io.stdout.isTTY === true) return answerOnTerminal(prompt, answering)
  const status = new StatusLine(io)
  let written = ''
  let thinking = false
  const endThinking = () => {
    if (thinking) output.note('')
    thinking = false
  }
  for await (const event of conversation.ask(prompt, signal)) {
    if (event.type === 'prefill') status.update('reading the prompt', event.done, event.total)
    else status.clear()
    if (event.type === 'reasoning' && io.stderr.isTTY === true) {
      io.stderr.write(output.style('dim', visible(event.text), 'stderr'))
      thinking = true
    } else if (event.type === 'text') {
      endThinking()
      await output.write(event.text)
      written = event.text
    } else if (event.type === 'tool-call' || event.type === 'tool-call-incomplete') {
      endThinking()
      const begun = written === '' || written.endsWith('\n') ? '' : '\n'
      await output.write(`${begun}${callLine(event)}\n`)
      written = '\n'
    } else if (event.type === 'dropped-turns') {
      output.note(`fak: ${droppedNote(event.turns)}`)
    } else if (event.type === 'warning') {
      output.note(`fak: ${event.reason}`)
    } else if (event.type === 'done') {
      endThinking()
      if (written !== '' && !written.endsWith('\n')) await output.line()
      for (const line of statistics(event, runtime)) output.note(line)
    }
  }
}

/** The same for a person who looks at it: Markdown is shown as what it means, and nothing acts on the terminal. */
async function answerOnTerminal(prompt: string, answering: Answering): Promise<void> {
  const { io, output, runtime, conversation, signal, markdown } = answering
  const screen = new Screen(io, output)
  const view = new AnswerView(screen, { markdown, thinking: 'fold', figures: false })
  const release = screen.onResize(() => void view.resized().catch(() => {}))
  try {
    for await (const event of conversation.ask(prompt, signal)) {
      if (event.type === 'warning') output.note(`fak: ${event.reason}`)
      else await view.show(event)
      if (event.type === 'done') for (const line of statistics(event, runtime)) output.note(line)
    }
  } finally {
    release()
    await view.end().catch(() => {})
  }
}

/** Answers as events, one JSON object per line; the last has `type: "done"`. */
export async function answerAsJson(
  prompt: string,
  { output, runtime, conversation, signal }: Answering,
): Promise<void> {
  const { opened, prepared, executor, isa, threads, loadMs } = runtime
  const about = { model: opened.name, executor: executor.name, isa, threads, kvCache: prepared.kvCache }
  await output.json({ type: 'start', ...about, loadMs })
  let droppedTurns = 0
  for await (const event of conversation.ask(prompt, signal)) {
    if (event.type === 'dropped-turns') droppedTurns = event.turns
    if (event.type !== 'done') {
      await output.json(event)
      continue
    }
    const {
      type,
      text,
      reasoning,
      toolCalls,
      tokens,
      thought,
      promptTokens,
      cachedTokens,
      finishReason,
      matched,
      seed,
      speculation,
      timings,
    } = event
    const counts = { tokens, generatedTokens: tokens.length, thought, promptTokens, cachedTokens, droppedTurns }
    await output.json({
      ...{ type, text, reasoning, toolCalls, ...counts, finishReason, matched, seed, speculation },
      timings: { loadMs, ...timings },
      ...about,
    })
  }
}

/** Model, executor and speeds of a finished answer, for people. */
function statistics(done: TurnDone, runtime: Runtime): string[] {
  const { opened } = runtime
  const { dtype, parameters } = weightSummary(opened)
  const { promptTokens, cachedTokens, tokens, thought, timings, finishReason } = done
  const cached = cachedTokens === 0 ? '' : ` (${cachedTokens} cached)`
  const ended = finishReason === 'stop' || finishReason === 'tool_calls' ? '' : `, ended by ${finishReason}`
  return table([
    ['model', `${opened.name} (${opened.architecture}, ${count(parameters)} parameters, ${dtype})`],
    ['executor', describeExecutor(runtime)],
    ['prefill', `${promptTokens} tokens${cached}, ${rate(timings.prefillTokensPerSecond)} tok/s`],
    [
      'decode',
      `${tokens.length} tokens${thoughtFigure(thought)}${ended}, ${rate(timings.tokensPerSecond)} tok/s${speculationFigure(done.speculation)}`,
    ],
  ])
}
