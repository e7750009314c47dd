// Your own model from layers: the demo model's weights, with one kind of layer replaced.
import { fileURLToPath } from 'node:url'
import { demoModelUrl } from '@fak/demo-model'
import { openGguf } from '@fak/gguf/node'
import { record, Weights } from '@fak/graph'
import { ReferenceExecutor } from '@fak/graph/reference'
import { linear } from '@fak/layers'
import { decoder, loadQwen35, type Mixer, mixers } from '@fak/model-qwen35'

const file = await openGguf(fileURLToPath(demoModelUrl))
const { config, weights } = await loadQwen35(file, { metadata: file.metadata })

// A layer that looks at no other token: two of the projections, nothing in between.
const memoryless: Mixer = (g, x, w) =>
  linear(g, linear(g, x, w.at('linear_attn').at('in_proj_z')), w.at('linear_attn').at('out_proj'))

const mine = { ...mixers, linear_attention: memoryless }
const program = record((g) => ({ logits: decoder(g, new Weights(weights), config, mine) }))
const prepared = await new ReferenceExecutor().prepare(program, weights)
const step = { state: prepared.createState(), tokens: Uint32Array.of(1, 2, 3) }
console.log((await prepared.run(step)).outputs.logits) // Float32Array, [1, vocabulary]
await file.close()
