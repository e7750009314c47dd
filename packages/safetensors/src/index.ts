export type { SafetensorsTensor } from './header.js'
export * from './limits.js'
export { openSafetensors, parseSafetensors, type SafetensorsFile, type SafetensorsOpenOptions } from './open.js'
export { openSafetensorsIndex } from './sharded.js'
