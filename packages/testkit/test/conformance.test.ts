import { ReferenceExecutor } from '@fak/graph/reference'
import { describe, it } from 'vitest'
import { executorConformance } from '../src/index.js'

// The reference executor against itself in dirty memory, with weights read at each use: the plan and the laws are what is tested here.
describe('reference executor', () => {
  executorConformance(it, () => new ReferenceExecutor({ poison: true, heldBytes: 0 }), { tolerance: 0 })
})
