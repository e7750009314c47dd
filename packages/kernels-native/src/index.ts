export { loadNative, NativeExecutor, type NativeLoad } from './executor.js'
export { type NativeInfo, nativeInfo } from './info.js'
export { type MachineRates, type MeasureOptions, measureMachine } from './measure.js'
export type { NativeOptions } from './options.js'
