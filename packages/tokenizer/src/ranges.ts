// Reads the generated lists of code points.

/** Calls `visit` with each run `[first, end)` of a list as the generated file writes it. */
export function forEachRange(ranges: string, visit: (first: number, end: number) => void): void {
  const numbers = ranges.split(' ')
  let at = 0
  for (let i = 0; i < numbers.length; i += 2) {
    const first = at + Number.parseInt(numbers[i]!, 36)
    at = first + Number.parseInt(numbers[i + 1]!, 36)
    visit(first, at)
  }
}
