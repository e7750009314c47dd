// Our side: a model file on the native executor, or on the reference executor, which computes in f32 on dequantized weights.

import { openGguf } from '../../packages/gguf/dist/node.js'
import { ReferenceExecutor } from '../../packages/graph/dist/reference/index.js'
import { NativeExecutor } from '../../packages/kernels-native/dist/index.js'
import { loadQwen35 } from '../../packages/model-qwen35/dist/index.js'

/** Tokens of one prefill step, as the command line has it. */
const CHUNK = 256

function argmax(logits) {
  let best = 0
  for (let id = 1; id < logits.length; id++) if (logits[id] > logits[best]) best = id
  return best
}

/** Opens a model. @param options.executor `native` or `reference` @param options.kvCache as prepare has it */
export async function openFak(path, { threads = 2, executor = 'native', kvCache } = {}) {
  const started = performance.now()
  const file = await openGguf(path)
  const model = await loadQwen35(file, { metadata: file.metadata })
  const chosen = executor === 'native' ? new NativeExecutor({ threads }) : new ReferenceExecutor()
  const prepared = await chosen.prepare(model.program(), model.weights, { maxTokens: CHUNK, kvCache })
  const loadMs = performance.now() - started
  const { vocabularySize } = model.config
  let state = prepared.createState()

  const run = async (tokens, rows) => (await prepared.run({ state, tokens, rows })).outputs.logits
  const reset = async () => {
    await state.dispose()
    state = prepared.createState()
  }
  /** Logits after `ids`, which follow what was taken since `reset`. */
  const take = async (ids) => {
    let last
    for (let at = 0; at < ids.length; at += CHUNK) last = await run(Uint32Array.from(ids.slice(at, at + CHUNK)), 1)
    return last
  }

  return {
    loadMs,
    vocabulary: vocabularySize,
    metadata: file.metadata,
    /** Logits of every position, row by row. */
    async *logits(ids) {
      await reset()
      for (let at = 0; at < ids.length; at += CHUNK) {
        const tokens = Uint32Array.from(ids.slice(at, at + CHUNK))
        const logits = await run(tokens, tokens.length)
        for (let row = 0; row < tokens.length; row++) {
          yield logits.slice(row * vocabularySize, (row + 1) * vocabularySize)
        }
      }
    },
    take,
    /** The most likely token after `ids`, which follow what was taken since `reset`. */
    next: async (ids) => argmax(await take(ids)),
    reset,
    async dispose() {
      await state.dispose()
      await prepared.dispose()
      await file.close()
    },
  }
}
