// The fixtures of this repository: models with reference values by Hugging Face transformers. See fixtures/README.md.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openGguf } from '@fak/gguf/node'
import { loadQwen35, type Qwen35Model } from '@fak/model-qwen35'
import { openSafetensors } from '@fak/safetensors/node'

/** The models in fixtures/models that carry their own reference values. */
export const fixtureNames = ['tied', 'untied-r3', 'odd', 'dk-not-dv', 'moe-r3', 'moe-odd'] as const

/** Path below the fixtures folder. */
export const fixturePath = (...parts: readonly string[]): string =>
  join(fileURLToPath(new URL('../../../../fixtures/', import.meta.url)), ...parts)

/** What transformers computed for a fixture, in float32. */
export interface ReferenceRun {
  readonly prompt: Uint32Array
  /** `[prompt, vocabulary]` */
  readonly logits: Float32Array
  /** Lengths of the short runs. */
  readonly prefixLengths: readonly number[]
  /** Last row of each short run, `[prefixes, vocabulary]`. */
  readonly prefixLogits: Float32Array
  /** Embedding output, each layer's output, final norm; `[layers + 2, hiddenTokens, hidden]`. */
  readonly hidden: Float32Array
  readonly hiddenTokens: number
}

/** A model opened from a file. */
export interface Fixture {
  readonly model: Qwen35Model
  close(): Promise<void>
}

/** Opens a model of the fixtures, by its path below their folder. */
export const openFixture = (...parts: readonly string[]): Promise<Fixture> => openModel(fixturePath(...parts))

/** Opens a model: a `.gguf` file, or a directory with safetensors. */
export async function openModel(path: string): Promise<Fixture> {
  if (path.endsWith('.gguf')) {
    const file = await openGguf(path)
    return { model: await loadQwen35(file, { metadata: file.metadata }), close: () => file.close() }
  }
  const stored = await openSafetensors(path)
  const config: unknown = JSON.parse(await readFile(join(path, 'config.json'), 'utf8'))
  return { model: await loadQwen35(stored, { config }), close: () => stored.close() }
}

/** The reference values of one of {@link fixtureNames}. */
export async function readReferenceRun(name: (typeof fixtureNames)[number]): Promise<ReferenceRun> {
  const at = (file: string) => fixturePath('models', name, file)
  const oracle = JSON.parse(await readFile(at('oracle.json'), 'utf8'))
  return {
    prompt: Uint32Array.from(oracle.prompt),
    logits: await readF32(at('logits.f32')),
    prefixLengths: oracle.prefixLengths,
    prefixLogits: await readF32(at('logits-prefix.f32')),
    hidden: await readF32(at('hidden.f32')),
    hiddenTokens: oracle.hidden[1],
  }
}

/** The quantized files by llama.cpp, `folder/name` without the extension; the last holds every type that the others lack. */
export const quantizedNames = [
  'quantized/quant-32.q8_0',
  'quantized/quant-256.q4_k_m',
  'quantized/quant-moe-32.q8_0',
  'types/every-type',
] as const

/** One of {@link quantizedNames}. */
export type QuantizedName = (typeof quantizedNames)[number]

/**
 * Logits `[prompt, vocabulary]` by llama.cpp for one of {@link quantizedNames}: on the dequantized weights in float32, or on the file itself
 * with its own kernels, which quantize activations.
 */
export async function readQuantizedRun(
  path: QuantizedName,
  by: 'dequantized' | 'llama',
): Promise<Pick<ReferenceRun, 'prompt' | 'logits'>> {
  const [folder, name] = path.split('/') as [string, string]
  const index = JSON.parse(await readFile(fixturePath(folder, 'index.json'), 'utf8'))
  return {
    prompt: Uint32Array.from(index[name].prompt),
    logits: await readF32(fixturePath(folder, `${name}.${by}.f32`)),
  }
}

/** A file of little-endian float32. */
async function readF32(path: string): Promise<Float32Array> {
  const bytes = await readFile(path)
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
}
