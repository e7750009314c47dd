export { checkBatch, checkBindings, checkInputs, checkStep, vocabularySize } from './checks.js'
export {
  chooseKvCache,
  DEFAULT_KV_CACHE,
  type Executor,
  KV_CACHE_TYPES,
  type KvCacheType,
  type PreparedProgram,
  type PrepareOptions,
  type SequenceState,
  type StageProfile,
  type StateArray,
  type StateContent,
  type Step,
  type StepOutcome,
  type StepProfile,
  type StepResult,
  type TaskProfile,
  type WeightBindings,
} from './executor.js'
export { Graph, type Operands, type Place, record, type State, type Value } from './graph.js'
export {
  type AttrSpec,
  type AttrSpecs,
  type AttrValues,
  defineOp,
  type OpDefinition,
  type OpIo,
  OpSite,
} from './ops/define.js'
export * as ops from './ops/index.js'
export { ARENA_ALIGNMENT, type MemoryPlan, planProgram, tapIds } from './plan.js'
export { hashProgram, printProgram } from './print.js'
export type { Dim, OpNode, Program, StateInfo, ValueId, ValueInfo } from './program.js'
export { readStateArray, stateArrayBytes } from './state-arrays.js'
export { type WeightInfo, Weights } from './weights.js'
