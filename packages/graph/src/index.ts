export type {
  Executor,
  PreparedProgram,
  PrepareOptions,
  SequenceState,
  Step,
  StepResult,
  WeightBindings,
} from './executor.js'
export type { Dim, OpNode, Program, StateInfo, ValueId, ValueInfo } from './program.js'
