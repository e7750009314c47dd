// The official sizes, and where their weights are published.

/** Where an official size is published. */
export interface OfficialModel {
  /** The name of the checkpoint, e.g. `Qwen3.5-0.8B`. */
  readonly name: string
  /** Its short name, where the size alone says which: `0.8B`. */
  readonly short: string | undefined
  /** The repository of its makers, with safetensors. */
  readonly repo: string
  /** A repository of others with the same weights as GGUF, in many stored types. */
  readonly ggufRepo: string
  /** Parameters in billions, of the language part. */
  readonly billions: number
}

const model = (name: string, billions: number, short?: string): OfficialModel => ({
  name,
  short,
  repo: `Qwen/${name}`,
  ggufRepo: `unsloth/${name}-GGUF`,
  billions,
})

/** The official checkpoints of the family, smallest first; those made for chat, not the `-Base` ones. */
export const officialModels: readonly OfficialModel[] = [
  model('Qwen3.5-0.8B', 0.752, '0.8B'),
  model('Qwen3.5-2B', 1.882, '2B'),
  model('Qwen3.5-4B', 4.206, '4B'),
  model('Qwen3.5-9B', 8.954, '9B'),
  model('Qwen3.5-27B', 26.896, '27B'),
  model('Qwen3.6-27B', 26.896),
  model('Qwen3.8-27B', 26.896),
  model('Qwen3.5-35B-A3B', 34.66, '35B-A3B'),
  model('Qwen3.6-35B-A3B', 34.66),
  model('Qwen3.5-122B-A10B', 122.11, '122B-A10B'),
  model('Qwen3.5-397B-A17B', 396.35, '397B-A17B'),
]

/** By name and by short name, in lower case. */
export const OFFICIAL: ReadonlyMap<string, OfficialModel> = new Map(
  officialModels.flatMap((entry) =>
    [entry.name, entry.short].flatMap((name) => (name === undefined ? [] : [[name.toLowerCase(), entry] as const])),
  ),
)
