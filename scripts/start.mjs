// `npm start [-- ARGUMENTS]`: set up if needed, then `fak chat ARGUMENTS` with the demo model, unless the arguments name another.
import { runCli } from './run-cli.mjs'

await runCli(['chat', '-m', 'demo', ...process.argv.slice(2)])
