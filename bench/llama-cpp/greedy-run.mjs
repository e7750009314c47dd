// Greedy continuations, past every stop token, with the gap between the two best at each step.

/** The next `count` tokens by our engine: `{ id, second, gap }`, the gap in nats. */
export async function greedy(fak, prompt, count) {
  await fak.reset()
  return continued(prompt, count, async (ids) => bestTwo(await fak.take(ids)))
}

/** The same by llama.cpp. */
export async function greedyLlama(llama, prompt, count) {
  await llama.reset()
  return continued(prompt, count, (ids) => llama.topTwo(ids))
}

async function continued(prompt, count, topTwo) {
  const steps = []
  for (let ids = prompt; steps.length < count; ids = [steps.at(-1).id]) {
    const [[id, logit], [second, other]] = await topTwo(ids)
    steps.push({ id, second, gap: logit - other })
  }
  return steps
}

/** The two largest logits with their ids; the lower id of equal ones first. */
function bestTwo(logits) {
  let [first, second] = [-1, -1]
  for (let id = 0; id < logits.length; id++) {
    if (first < 0 || logits[id] > logits[first]) [first, second] = [id, first]
    else if (second < 0 || logits[id] > logits[second]) second = id
  }
  return [first, second].map((id) => [id, logits[id]])
}
