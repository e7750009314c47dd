// Synthetic models for the comparison: random weights of real structure under a head that was fitted in closed form, so that the
// predictions are as sure, and as unsure, as those of a trained model. bench/README.md says why.

import { open, rename } from 'node:fs/promises'
import { openGguf, writeGgufFile } from '../../packages/gguf/dist/node.js'
import { NativeExecutor } from '../../packages/kernels-native/dist/index.js'
import { loadQwen35 } from '../../packages/model-qwen35/dist/index.js'
import { quantize } from '../../packages/tensor/dist/index.js'
import { importTestkit } from '../../packages/testkit/scripts/bundle.mjs'

const SEED = 1
/** Positions that the head is fitted to, and that are compared. */
const POSITIONS = 512
/** Ids that the prompt is made of: few, so that what comes next depends on more than the last token. */
const PROMPT_IDS = 128
/** Logits that the fitted rows give at their own position, evenly spread; others are about normal with deviation 1. */
const GAINS = [6, 16]
/** Root mean square of an embedding row, beside branches of about 0.4 each. */
const EMBEDDING = 3

/** Eight layers of two kinds, Hv = 2 Hk, rows of whole 256-blocks: what fits into seconds. */
const dense = {
  hidden: 512,
  vocabularySize: 4096,
  mlp: { kind: 'dense', intermediate: 1536 },
  layerKinds: Array.from({ length: 8 }, (_, i) => (i % 4 === 3 ? 'full_attention' : 'linear_attention')),
  eps: 1e-6,
  tiedEmbeddings: false,
  contextLength: 4096,
  attention: { Hq: 4, Hk: 2, Dk: 256, Dv: 256, rope: { dims: 64, theta: 1e7 } },
  deltaNet: { Hk: 4, Hv: 8, Dk: 128, Dv: 128, convTaps: 4, keyHead: 'tiled' },
}

/** The same with 4 of 32 experts and a shared one. */
const moe = { ...dense, mlp: { kind: 'moe', experts: 32, topK: 4, intermediate: 256, sharedIntermediate: 256 } }

/** Configurations by name. */
export const shapes = { dense, moe }

/** Writes a model to `path` and returns the token ids that it was fitted to. */
export async function writeFittedModel(path, shape, mix) {
  const { Random, randomBlocks } = await importTestkit('index')
  const { syntheticContent } = await importTestkit('node')
  const config = shapes[shape]
  const { metadata, tensors } = syntheticContent({ config, mix, name: `Synthetic ${shape} ${mix}`, seed: SEED })
  const random = new Random(SEED)
  const ids = Array.from({ length: POSITIONS }, () => 1 + random.integer(PROMPT_IDS))
  const sized = (tensor) => {
    if (tensor.name !== 'token_embd.weight') return tensor
    const elements = tensor.shape[0] * tensor.shape[1]
    return { ...tensor, data: () => [randomBlocks(tensor.dtype, elements, new Random(SEED + 1), EMBEDDING)] }
  }
  const draft = `${path}.tmp`
  await writeGgufFile(draft, { metadata, tensors: tensors.map(sized) })
  await fitHead(draft, ids, random)
  await rename(draft, path)
  return ids
}

/**
 * Puts rows into the head that know the positions of a prompt: row v_i = g_i h_i / |h_i|², with h_i what the last norm gives at
 * position i, v_i tokens in random order, g_i the logit to be reached. The other rows stay random, of a size that gives logits of
 * deviation 1.
 */
async function fitHead(path, ids, random) {
  const file = await openGguf(path)
  const hidden = await lastNorm(file, ids)
  const { dtype, shape, offset } = file.tensors.get('output.weight')
  await file.close()
  const [vocabulary, width] = shape
  const rows = new Float32Array(vocabulary * width)
  const norm = Math.sqrt(hidden.reduce((sum, x) => sum + x * x, 0) / ids.length)
  for (let i = 0; i < rows.length; i++) rows[i] = random.normal() / norm
  const targets = shuffled(vocabulary, random)
  for (const i of ids.keys()) {
    const h = hidden.subarray(i * width, (i + 1) * width)
    const gain = GAINS[0] + (GAINS[1] - GAINS[0]) * random.uniform()
    const scale = gain / h.reduce((sum, x) => sum + x * x, 0)
    for (let k = 0; k < width; k++) rows[targets[i] * width + k] = h[k] * scale
  }
  const handle = await open(path, 'r+')
  await handle.write(quantize(dtype, rows), 0, undefined, offset)
  await handle.close()
}

/** Output of the last norm at every position, `[positions, hidden]`. */
async function lastNorm(file, ids) {
  const model = await loadQwen35(file, { metadata: file.metadata })
  const prepared = await new NativeExecutor().prepare(model.program(), model.weights, {
    maxTokens: ids.length,
    taps: ['norm'],
  })
  const state = prepared.createState()
  const { taps } = await prepared.run({ state, tokens: Uint32Array.from(ids), rows: ids.length })
  const hidden = taps.get('norm').slice()
  await prepared.dispose()
  return hidden
}

function shuffled(count, random) {
  const all = Uint32Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = random.integer(i + 1)
    ;[all[i], all[j]] = [all[j], all[i]]
  }
  return all
}
