// llama.cpp through node-llama-cpp: the prebuilt CPU binary, an F32 KV cache, no flash attention; never a build or a download.

/** Environment of node-llama-cpp, read when it is imported. */
const environment = { NODE_LLAMA_CPP_SKIP_DOWNLOAD: 'true', NODE_LLAMA_CPP_GPU: 'false' }

/** Room that a context needs beyond its tokens: node-llama-cpp drops old ones before the last place is taken. */
const SPARE = 16
/** Logits in one answer of node-llama-cpp, which are entries of a Map. */
const LOGITS_AT_ONCE = 4 * 2 ** 20

let library

async function nodeLlamaCpp() {
  Object.assign(process.env, environment)
  const module = await import('node-llama-cpp').catch((error) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new Error('node-llama-cpp is not installed; bench/README.md has the command')
  })
  library ??= await module.getLlama({
    gpu: false,
    build: 'never',
    usePrebuiltBinaries: true,
    skipDownload: true,
    progressLogs: false,
    logLevel: module.LlamaLogLevel.error,
  })
  return { llama: library, GgmlType: module.GgmlType }
}

/** What is compared with, for reports. */
export async function describeLlama() {
  const { llama } = await nodeLlamaCpp()
  return { release: llama.llamaCppRelease.release, cpu: llama.systemInfo }
}

/**
 * Opens a model for up to `tokens` tokens, which can also be one batch.
 *
 * @param options.flashAttention, options.f32Cache as a measurement of speed wants them; parity takes the exact ones.
 */
export async function openLlama(path, { tokens, threads, flashAttention = false, f32Cache = true }) {
  const { llama, GgmlType } = await nodeLlamaCpp()
  const started = performance.now()
  const model = await llama.loadModel({ modelPath: path, gpuLayers: 0, ignoreMemorySafetyChecks: true })
  const cache = f32Cache ? { experimentalKvCacheKeyType: GgmlType.F32, experimentalKvCacheValueType: GgmlType.F32 } : {}
  const context = await model.createContext({
    contextSize: tokens + SPARE,
    batchSize: tokens + SPARE,
    threads: { ideal: threads, min: threads },
    flashAttention,
    ignoreMemorySafetyChecks: true,
    ...cache,
  })
  const sequence = context.getSequence()
  const loadMs = performance.now() - started

  /** Runs tokens after those already taken; `generateNext` says what to give back for the last one. */
  const take = async (ids, generateNext) => {
    const items = ids.map((id, i) => (i === ids.length - 1 ? [id, { generateNext }] : id))
    return (await sequence.controlledEvaluate(items)).at(-1).next
  }

  return {
    loadMs,
    /** Logits of every position, row by row. */
    async *logits(ids, vocabulary) {
      await sequence.clearHistory()
      const items = ids.map((id) => [id, { generateNext: { logits: true } }])
      const step = Math.max(1, Math.floor(LOGITS_AT_ONCE / vocabulary))
      for (let at = 0; at < items.length; at += step) {
        for (const { next } of await sequence.controlledEvaluate(items.slice(at, at + step))) {
          const row = new Float32Array(vocabulary).fill(Number.NaN)
          for (const [token, logit] of next.logits) row[token] = logit
          yield row
        }
      }
    },
    /** The two most likely tokens after `ids`, which follow what was taken since `reset`. */
    async topTwo(ids) {
      const { logits } = await take(ids, { logits: { filter: { tokens: [], includeTop: 2 } } })
      return [...logits].sort(([, a], [, b]) => b - a).slice(0, 2)
    },
    /** The most likely token after `ids`, by the engine's own greedy sampler. */
    async next(ids) {
      return (await take(ids, { token: true, options: { temperature: 0 } })).token
    },
    reset: () => sequence.clearHistory(),
    async dispose() {
      await context.dispose()
      await model.dispose()
    },
  }
}
