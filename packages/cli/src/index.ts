// @fak/cli: argument parsing and printing. `main.ts` is the program; this is the same thing as a function.

export { VERSION } from './context.js'
export { type CliIo, processIo, type Terminal } from './io.js'
export { run } from './run.js'
