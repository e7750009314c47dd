/** The middle one of some numbers; of an even number of them, the upper of the two. */
export const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]
