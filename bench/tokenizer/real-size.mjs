// A vocabulary of Qwen3.5's size out of Qwen3's: no checkpoint is needed.

const TOKENS = 248_044

/** How many rows the head of Qwen3.5 has. */
export const IDS = 248_320

/** Makes the vocabulary of a tokenizer.json longer: pairs of its tokens, as further merges. */
export function grow(json) {
  const { vocab, merges } = json.model
  const words = Object.keys(vocab).filter((word) => /^Ġ?[a-z]+$/.test(word))
  let next = Object.keys(vocab).length
  for (let i = 0; next < TOKENS; i++) {
    // Another distance in each round: the same pairs would come again otherwise.
    const left = words[i % words.length]
    const right = words[(i * 2 + Math.floor(i / words.length) * 7919 + 13) % words.length]
    if (right.startsWith('Ġ') || vocab[left + right] !== undefined) continue
    vocab[left + right] = next++
    merges.push([left, right])
  }
  json.added_tokens = json.added_tokens.map((token, i) => ({ ...token, id: TOKENS + i }))
  return json
}
