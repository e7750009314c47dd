export { ReferenceExecutor, type ReferenceOptions } from './executor.js'
