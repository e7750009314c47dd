// The parameters of the decoder: canonical label, expected shape, and what either file format calls them and does to them.

import type { LayerKind, Qwen35Config } from './config.js'

/**
 * What an HF checkpoint stores instead of what the graph uses:
 * `offset` stores w - 1, `log` stores ln(-A), `conv` has a dimension of 1 in the middle, `plain` is the same.
 * The official GGUF converter has undone all of them. `experts` is one matrix per expert, which files store in several ways (experts.ts).
 */
export type HfForm = 'matrix' | 'experts' | 'plain' | 'offset' | 'log' | 'conv'

/** One parameter of the model. */
export interface Parameter {
  /** Label in the graph, e.g. `layers.3.self_attn.q_proj.weight`. */
  readonly label: string
  /** Name in an HF checkpoint, after its `model.` or `model.language_model.` prefix. For `experts`, that of one expert without its index. */
  readonly hf: string
  /** Name in a GGUF file. */
  readonly gguf: string
  /** Shape in the graph, and in a GGUF file. */
  readonly shape: readonly number[]
  /** Every form but `matrix` and `experts` is a small tensor that the graph wants in F32. */
  readonly form: HfForm
}

/** Every parameter of the decoder, in the order of the computation. */
export function qwen35Parameters(c: Qwen35Config): readonly Parameter[] {
  const table = [c.vocabularySize, c.hidden]
  const head = { label: 'lm_head.weight', gguf: 'output.weight', shape: table, form: 'matrix' } as const
  return [
    named({ label: 'embed_tokens.weight', gguf: 'token_embd.weight', shape: table, form: 'matrix' }),
    ...c.layerKinds.flatMap((kind, i) =>
      layerParameters(c, kind).map((p) => inside(`layers.${i}`, { ...p, gguf: `blk.${i}.${p.gguf}` })),
    ),
    named({ label: 'norm.weight', gguf: 'output_norm.weight', shape: [c.hidden], form: 'offset' }),
    ...(c.tiedEmbeddings ? [] : [named(head)]),
  ]
}

/** The parameters of one layer, with names inside the layer. */
export function layerParameters(c: Qwen35Config, kind: LayerKind): Parameter[] {
  const { hidden: d } = c
  const norms: Short[] = [
    { label: 'input_layernorm.weight', gguf: 'attn_norm.weight', shape: [d], form: 'offset' },
    { label: 'post_attention_layernorm.weight', gguf: 'post_attention_norm.weight', shape: [d], form: 'offset' },
  ]
  const mixer =
    kind === 'linear_attention'
      ? deltaNetParameters(c).map((p) => inside('linear_attn', named(p)))
      : attentionParameters(c).map((p) => inside('self_attn', named(p)))
  return [...norms.map(named), ...mixer, ...mlpParameters(c).map((p) => inside('mlp', named(p)))]
}

function mlpParameters({ hidden: d, mlp }: Qwen35Config): Short[] {
  if (mlp.kind === 'dense') return swigluParameters(d, mlp.intermediate, '')
  const { experts: E, intermediate: fe } = mlp
  return [
    { label: 'gate.weight', gguf: 'ffn_gate_inp.weight', shape: [E, d], form: 'matrix' },
    { label: 'experts.gate_proj.weight', gguf: 'ffn_gate_exps.weight', shape: [E, fe, d], form: 'experts' },
    { label: 'experts.up_proj.weight', gguf: 'ffn_up_exps.weight', shape: [E, fe, d], form: 'experts' },
    { label: 'experts.down_proj.weight', gguf: 'ffn_down_exps.weight', shape: [E, d, fe], form: 'experts' },
    ...swigluParameters(d, mlp.sharedIntermediate, '_shexp').map((p) => ({ ...p, label: `shared_expert.${p.label}` })),
    { label: 'shared_expert_gate.weight', gguf: 'ffn_gate_inp_shexp.weight', shape: [1, d], form: 'matrix' },
  ]
}

const swigluParameters = (d: number, ff: number, suffix: string): Short[] => [
  { label: 'gate_proj.weight', gguf: `ffn_gate${suffix}.weight`, shape: [ff, d], form: 'matrix' },
  { label: 'up_proj.weight', gguf: `ffn_up${suffix}.weight`, shape: [ff, d], form: 'matrix' },
  { label: 'down_proj.weight', gguf: `ffn_down${suffix}.weight`, shape: [d, ff], form: 'matrix' },
]

function deltaNetParameters({ hidden: d, deltaNet: { Hk, Hv, Dk, Dv, convTaps } }: Qwen35Config): Short[] {
  const channels = 2 * Hk * Dk + Hv * Dv
  return [
    { label: 'in_proj_qkv.weight', gguf: 'attn_qkv.weight', shape: [channels, d], form: 'matrix' },
    { label: 'in_proj_z.weight', gguf: 'attn_gate.weight', shape: [Hv * Dv, d], form: 'matrix' },
    { label: 'in_proj_a.weight', gguf: 'ssm_alpha.weight', shape: [Hv, d], form: 'matrix' },
    { label: 'in_proj_b.weight', gguf: 'ssm_beta.weight', shape: [Hv, d], form: 'matrix' },
    { label: 'conv1d.weight', gguf: 'ssm_conv1d.weight', shape: [channels, convTaps], form: 'conv' },
    { label: 'A', gguf: 'ssm_a', shape: [Hv], form: 'log', hf: 'A_log' },
    { label: 'dt_bias', gguf: 'ssm_dt.bias', shape: [Hv], form: 'plain' },
    { label: 'norm.weight', gguf: 'ssm_norm.weight', shape: [Dv], form: 'plain' },
    { label: 'out_proj.weight', gguf: 'ssm_out.weight', shape: [d, Hv * Dv], form: 'matrix' },
  ]
}

function attentionParameters({ hidden: d, attention: { Hq, Hk, Dk, Dv } }: Qwen35Config): Short[] {
  return [
    // Head by head: Dk rows of query, then Dv rows of output gate.
    { label: 'q_proj.weight', gguf: 'attn_q.weight', shape: [Hq * (Dk + Dv), d], form: 'matrix' },
    { label: 'k_proj.weight', gguf: 'attn_k.weight', shape: [Hk * Dk, d], form: 'matrix' },
    { label: 'v_proj.weight', gguf: 'attn_v.weight', shape: [Hk * Dv, d], form: 'matrix' },
    { label: 'q_norm.weight', gguf: 'attn_q_norm.weight', shape: [Dk], form: 'offset' },
    { label: 'k_norm.weight', gguf: 'attn_k_norm.weight', shape: [Dk], form: 'offset' },
    { label: 'o_proj.weight', gguf: 'attn_output.weight', shape: [d, Hq * Dv], form: 'matrix' },
  ]
}

/**
 * The parameters of the draft head for multi-token prediction, with labels below `mtp`, HF names after the prefix `mtp.` and GGUF names
 * inside its block: a projection of `[embedding ; hidden]`, norms, and one full-attention layer. `mtp.embed_tokens.weight` and
 * `mtp.lm_head.weight` are not among them: only GGUF files may have their own.
 */
export function mtpParameters(c: Qwen35Config): readonly Parameter[] {
  const { hidden: d } = c
  const around: Parameter[] = [
    named({ label: 'fc.weight', gguf: 'nextn.eh_proj.weight', shape: [d, 2 * d], form: 'matrix' }),
    named({ label: 'pre_fc_norm_embedding.weight', gguf: 'nextn.enorm.weight', shape: [d], form: 'offset' }),
    named({ label: 'pre_fc_norm_hidden.weight', gguf: 'nextn.hnorm.weight', shape: [d], form: 'offset' }),
    named({ label: 'norm.weight', gguf: 'nextn.shared_head_norm.weight', shape: [d], form: 'offset' }),
  ]
  const layer = layerParameters(c, 'full_attention').map((p) => inside('layers.0', p))
  return [...around, ...layer].map((p) => ({ ...p, label: `mtp.${p.label}` }))
}

/** A parameter whose HF name is its label, unless it says otherwise. */
type Short = Omit<Parameter, 'hf'> & { readonly hf?: string }

const named = (p: Short): Parameter => ({ hf: p.label, ...p })

const inside = (module: string, p: Parameter): Parameter => ({
  ...p,
  label: `${module}.${p.label}`,
  hf: `${module}.${p.hf}`,
})
