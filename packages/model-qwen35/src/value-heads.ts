// Value heads stand in another order in GGUF files than in HF checkpoints. What passes through them does so too: the same model, but
// not the same columns.

import type { Qwen35Config } from './config.js'

/**
 * Where the columns of one storage stand in the other.
 *
 * @returns By label of an activation, for each column in the order of `config` the column in the order of `other`; `undefined` where they
 * are the same, as for everything that leaves a layer.
 */
export function valueHeadColumns(
  { deltaNet }: Qwen35Config,
  other: Qwen35Config,
): (label: string) => Uint32Array | undefined {
  const { Hk, Hv, Dk, Dv, keyHead } = deltaNet
  if (keyHead === other.deltaNet.keyHead) return () => undefined
  const shared = Hv / Hk
  // Value head h of a key head's group of `shared`, dealt out to the key heads in turn; and back.
  const across = (h: number, count: number) => (h % count) * (Hv / count) + Math.floor(h / count)
  const headOf = (h: number) => across(h, keyHead === 'grouped' ? shared : Hk)
  const columns = (before: number, size: number) =>
    Uint32Array.from({ length: before + Hv * size }, (_, c) => {
      const [head, column] = [Math.floor((c - before) / size), (c - before) % size]
      return c < before ? c : before + headOf(head) * size + column
    })
  const keys = 2 * Hk * Dk
  const orders: Readonly<Record<string, Uint32Array>> = {
    in_proj_qkv: columns(keys, Dv),
    conv1d: columns(keys, Dv),
    in_proj_z: columns(0, Dv),
    in_proj_a: columns(0, 1),
    in_proj_b: columns(0, 1),
    gated_delta: columns(0, Dv),
    norm: columns(0, Dv),
  }
  return (label) => orders[/\.linear_attn\.(\w+)$/.exec(label)?.[1] ?? '']
}
