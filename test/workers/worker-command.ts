/** `pointsman worker` by itself; the name of the command may be left out. */

import { CommandError, exitCodes, readArguments, UsageError } from '#lib/cli/command.js'
import { Terminal } from '#lib/cli/terminal.js'
import { worker } from '#lib/cli/worker.js'

const [first, ...rest] = process.argv.slice(2)
const args = first === 'worker' ? rest : process.argv.slice(2)
const terminal = new Terminal(process.stdout, process.stderr, process.env)
try {
  process.exitCode = await worker.run(readArguments(worker, args), terminal)
} catch (error) {
  terminal.err((error as Error).message)
  if (!(error instanceof UsageError || error instanceof CommandError)) throw error
  process.exitCode = error instanceof UsageError ? exitCodes.usage : exitCodes.failure
}
