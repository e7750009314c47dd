// `general.size_label`: how many parameters, in two digits. Source: `size_label` of gguf/utility.py and `get_total_parameter_count` of
// gguf_writer.py (llama.cpp v0.5.0).

import { elementCount } from '@fak/tensor'
import type { PlannedTensor } from '../plan.js'

/** Parameters of a model, and what its label says. */
export function parameterCounts(tensors: readonly Pick<PlannedTensor, 'name' | 'shape'>[]): {
  readonly total: number
  readonly label: string
} {
  let shared = 0
  let inOneExpert = 0
  let total = 0
  let experts = 0
  let stacks = 0
  for (const { name, shape } of tensors) {
    const size = elementCount(shape)
    total += size
    if (!name.includes('_exps.')) {
      shared += size
      continue
    }
    const count = shape.at(-3) ?? 1
    inOneExpert += Math.floor(size / count)
    experts += count
    stacks++
  }
  const count = stacks === 0 ? 0 : Math.floor(experts / stacks)
  return { total, label: count > 0 ? `${count}x${rounded(shared + inOneExpert)}` : rounded(total) }
}

function rounded(count: number): string {
  const [scaled, suffix] =
    count > 1e12
      ? [count * 1e-12, 'T']
      : count > 1e9
        ? [count * 1e-9, 'B']
        : count > 1e6
          ? [count * 1e-6, 'M']
          : [count * 1e-3, 'K']
  const digits = String(roundEven(scaled)).replace(/^0+/, '').length
  return fixed(scaled, Math.max(2 - digits, 0)) + suffix
}

/** As Python's `round`: ties to even. */
const roundEven = (x: number): number => (x % 1 === 0.5 ? 2 * Math.round(x / 2) : Math.round(x))

/** As Python's `.Nf`: where a double lies exactly between two, the even one. */
function fixed(x: number, digits: number): string {
  const scaled = x * 10 ** digits
  // Only a fraction of few bits can; of the others the product may look so.
  const isTie = scaled % 1 === 0.5 && Number.isInteger(x * 2 ** (digits + 1))
  return isTie ? (roundEven(scaled) / 10 ** digits).toFixed(digits) : x.toFixed(digits)
}
