// Which names did the caller mean?

/** Longest name whose distance is measured; what a caller passes in can be a megabyte. */
const MAX_LENGTH = 200

/** The `count` names nearest to `wanted` by edits of single characters, nearest first. Source of the distance: Levenshtein 1966. */
export function nearest(wanted: string, names: Iterable<string>, count = 3): string[] {
  const asked = wanted.slice(0, MAX_LENGTH)
  return [...names]
    .map((name) => ({ name, distance: edits(asked, name.slice(0, MAX_LENGTH)) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ name }) => name)
}

function edits(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(swap, above[j]! + 1, row[j - 1]! + 1))
    }
    above = row
  }
  return above[b.length]!
}
