// The stored type that a GGUF file's name states, as its publishers write it: `model-Q4_K_M.gguf`, `model.UD-Q4_K_XL.gguf`.

const LABEL = /(?:^|[-_.])((?:UD-)?(?:I?Q\d(?:_[A-Z0-9]+)*|TQ\d_\d|BF16|F16|F32|MXFP4(?:_MOE)?|NVFP4))$/i
const SPLIT = /-(\d{5})-of-(\d{5})$/

/** What the path of a GGUF file says. */
export interface GgufName {
  /** The stored type in capitals, e.g. `Q4_K_M`; `undefined` when the name states none. */
  readonly quant: string | undefined
  /** The path without `.gguf` and without the number of a part: equal for all parts of one set. */
  readonly stem: string
  /** Number and count of a part, from 1; `undefined` for a whole file. */
  readonly part: { readonly index: number; readonly count: number } | undefined
}

/** Reads the path of a GGUF file; `undefined` for any other file. */
export function ggufName(path: string): GgufName | undefined {
  if (!/\.gguf$/i.test(path)) return undefined
  const name = path.slice(0, -'.gguf'.length)
  const split = SPLIT.exec(name)
  const stem = split === null ? name : name.slice(0, split.index)
  const label = LABEL.exec(stem.slice(stem.lastIndexOf('/') + 1))?.[1]
  return {
    quant: label?.toUpperCase(),
    stem,
    part: split === null ? undefined : { index: Number(split[1]), count: Number(split[2]) },
  }
}

/** Whether a text has the form of a stored type rather than of a file name. */
export const isQuant = (text: string): boolean => LABEL.exec(text)?.[1]?.length === text.length
