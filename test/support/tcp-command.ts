/** The command `tcp` by itself, as the command line runs it. */

import { CommandError, exitCodes, readArguments, UsageError } from '#lib/cli/command.js'
import { tcp } from '#lib/cli/tcp.js'
import { Terminal } from '#lib/cli/terminal.js'

const terminal = new Terminal(process.stdout, process.stderr, process.env)
try {
  process.exitCode = await tcp.run(readArguments(tcp, process.argv.slice(2)), terminal)
} catch (error) {
  if (!(error instanceof CommandError || error instanceof UsageError)) throw error
  terminal.err(error.message)
  process.exitCode = error instanceof UsageError ? exitCodes.usage : exitCodes.failure
}
