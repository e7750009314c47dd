#!/usr/bin/env node
// The `fak` program.

import { processIo } from './io.js'
import { run } from './run.js'

// Waiting for the loop to drain would hang on an open stdin, so the end is stated once everything is written.
process.exit(await run(process.argv.slice(2), processIo()))
