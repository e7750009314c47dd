// fak eval: teacher-forced logits of given tokens, for comparison with other engines and between our own executors.

import { createHash } from 'node:crypto'
import { banTokens, createSession, type TokenLogprob, topLogprobs } from '@fak/session'
import { quantize } from '@fak/tensor'
import { writeFileAtomically } from '@fak/tensor/node'
import { Command } from 'commander'
import type { CommandContext } from '../context.js'
import { UsageError } from '../errors.js'
import { interruptible } from '../interrupt.js'
import { MODEL_HELP } from '../model/locate.js'
import { rate, table } from '../output.js'
import { addRuntimeOptions, describeExecutor, type Runtime, type RuntimeOptions, withRuntime } from '../runtime.js'
import { StatusLine } from '../status-line.js'
import { idList, integerFrom } from '../values.js'

interface EvalOptions extends RuntimeOptions {
  readonly model?: string
  readonly ids?: number[]
  readonly text?: string
  readonly top: number
  readonly logits?: string
  readonly json?: boolean
}

/** Most leaders that can be asked for at each position. */
const MAX_TOP = 1000
const DEFAULT_TOP = 5

/** Makes the command. */
export function evalCommand(context: CommandContext): Command {
  const command = new Command('eval')
    .summary('logits of given tokens, for comparisons')
    .description(
      'Run given tokens through a model and show what it predicts after each one. The hash of the logits is one for ' +
        'all thread counts, chunk sizes and instruction sets of the native executor.',
    )
    .option('-m, --model <model>', MODEL_HELP)
    .option('--ids <list>', 'token ids with commas between them', idList)
    .option('--text <text>', 'text to run instead; control tokens in it count as such')
    .option('--top <k>', 'predictions to show at each position', integerFrom(0, MAX_TOP), DEFAULT_TOP)
    .option('--logits <file>', 'write the logits, little-endian f32 [positions, vocabulary]')
    .option('--json', 'print one JSON object')
  return addRuntimeOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (options: EvalOptions) => {
      if ((options.ids === undefined) === (options.text === undefined)) throw new UsageError('give --ids or --text')
      const { io, output } = context
      await interruptible(io, output.closed, (signal) =>
        withRuntime(options.model, options, { ...context, signal }, (runtime) =>
          evaluate(runtime, options, context, signal),
        ),
      )
    })
}

async function evaluate(runtime: Runtime, options: EvalOptions, { io, output }: CommandContext, signal: AbortSignal) {
  const { opened, prepared, executor, isa, threads, loadMs } = runtime
  const { config } = opened.model
  const ids = options.ids ?? [...(await opened.tokenizer()).encode(options.text!, { special: 'all' })]
  const session = createSession(prepared, { contextLength: config.contextLength })
  const vocabulary = await opened.vocabulary()
  const holes = new Set(vocabulary.holes)
  const top: TokenLogprob[][] = []
  const logprobs: number[] = []
  const hash = createHash('sha256')
  const status = new StatusLine(io)
  let ms = 0

  const chunks = async function* () {
    let start = performance.now()
    for await (const { position, rows, width, logits } of session.evaluate(ids, { signal })) {
      ms += performance.now() - start
      status.update('evaluating', position + rows, ids.length)
      const bytes = quantize('F32', logits)
      hash.update(bytes)
      for (let row = 0; row < rows; row++) {
        // A copy: what the file receives is the model's own.
        const real = logits.slice(row * width, row * width + vocabulary.size)
        banTokens(real, holes)
        top.push(topLogprobs(real, options.top).filter(({ id }) => !holes.has(id)))
        const next = ids[position + row + 1]
        if (next !== undefined) logprobs.push(holes.has(next) ? Number.NEGATIVE_INFINITY : logprobOf(real, next))
      }
      yield bytes
      start = performance.now()
    }
  }
  try {
    if (options.logits === undefined) for await (const _ of chunks());
    else await writeFileAtomically(options.logits, chunks())
  } finally {
    status.clear()
    await session.dispose()
  }

  const nll = logprobs.length === 0 ? null : -logprobs.reduce((sum, x) => sum + x, 0) / logprobs.length
  const result = {
    model: opened.name,
    executor: executor.name,
    isa,
    threads,
    chunk: prepared.maxTokens,
    kvCache: prepared.kvCache,
    positions: ids.length,
    vocab: config.vocabularySize,
    ids,
    top,
    logprobs,
    nll,
    logitsHash: hash.digest('hex'),
    timings: { loadMs, evalMs: ms, tokensPerSecond: (ids.length * 1000) / ms },
  }
  if (options.json === true) return output.json(result)
  for (const line of table(top.map((leaders, i) => [i, ids[i]!, leaders.map(leader).join('  ')])))
    await output.line(line)
  output.note(`${describeExecutor(runtime)}: ${ids.length} tokens, ${rate(result.timings.tokensPerSecond)} tok/s`)
  output.note(`logits ${result.logitsHash}${nll === null ? '' : `, ${nll.toFixed(4)} nats a token`}`)
}

const leader = ({ id, logprob }: TokenLogprob) => `${id} ${logprob.toFixed(3)}`

function logprobOf(row: Float32Array, id: number): number {
  // The leaders of a row come with the row's total: the first one's logit less its log-probability.
  const [first] = topLogprobs(row, 1)
  return id < row.length ? row[id]! - row[first!.id]! + first!.logprob : Number.NEGATIVE_INFINITY
}

const EXAMPLES = `
Examples:
  fak eval --ids 9707,11,1879 --top 3
  fak eval -m model.gguf --text "The capital of France is" --json
  fak eval -m model.gguf --ids 1,2,3 --logits logits.f32 --threads 1 --isa scalar

With --json: top is [[{id, logprob}]] by position, logprobs what the model gave each following token, nll their mean.`
