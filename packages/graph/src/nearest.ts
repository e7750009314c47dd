// Which names did the caller mean?

import { editDistance } from '@fak/tensor'

/** Longest name whose distance is measured; what a caller passes in can be a megabyte. */
const MAX_LENGTH = 200

/** The `count` names nearest to `wanted` by edits of single characters, nearest first. */
export function nearest(wanted: string, names: Iterable<string>, count = 3): string[] {
  const asked = wanted.slice(0, MAX_LENGTH)
  return [...names]
    .map((name) => ({ name, distance: editDistance(asked, name.slice(0, MAX_LENGTH)) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ name }) => name)
}
