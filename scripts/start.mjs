// `npm start [-- ARGUMENTS]`: set up if needed, then `fak chat ARGUMENTS` with the demo model.
import { runCli } from './run-cli.mjs'

await runCli(['chat', ...process.argv.slice(2)])
