#!/usr/bin/env node
/** The command line: finds the command, and turns what it throws into a message and an exit code. */

import { ConfigError } from '../config/diagnostics.js'
import { unknown } from '../config/suggest.js'
import { ListenError } from '../listen/listen-error.js'
import { check } from './check.js'
import { type Command, CommandError, exitCodes, hasOwnH, readArguments, UsageError } from './command.js'
import { demo } from './demo.js'
import { demoServer } from './demo-server.js'
import { explain } from './explain.js'
import { commandHelp, generalHelp } from './help.js'
import { reportDiagnostics } from './report.js'
import { start } from './start.js'
import { status } from './status.js'
import { tcp } from './tcp.js'
import { Terminal } from './terminal.js'
import { version } from './version.js'
import { worker } from './worker.js'

const commands: readonly Command[] = [start, check, explain, status, worker, tcp, demo, demoServer]

process.title = 'pointsman'
const terminal = new Terminal(process.stdout, process.stderr, process.env)
process.exitCode = await main(process.argv.slice(2))

async function main([first, ...rest]: string[]): Promise<number> {
  try {
    return await dispatch(first, rest)
  } catch (error) {
    return failed(error, first)
  }
}

async function dispatch(first: string | undefined, rest: string[]): Promise<number> {
  if (first === undefined) {
    terminal.err(generalHelp(commands, terminal.paintErr))
    return exitCodes.usage
  }
  if (first === '--version' || first === '-v') return say(version())
  if (first === '--help' || first === '-h') return say(generalHelp(commands, terminal.paintOut))
  if (first === 'help')
    return say(rest[0] === undefined ? generalHelp(commands, terminal.paintOut) : help(find(rest[0])))
  if (first.startsWith('-')) throw new UsageError(unknown('option', first, ['--help', '--version']))
  const command = find(first)
  if (asksForHelp(command, rest)) return say(help(command))
  return command.run(readArguments(command, rest), terminal)
}

function find(name: string): Command {
  const command = commands.find((each) => each.name === name)
  if (command !== undefined) return command
  const names = commands.map((each) => each.name)
  throw new UsageError(unknown('command', name, names))
}

function asksForHelp(command: Command, args: readonly string[]): boolean {
  const end = args.indexOf('--')
  const flags = hasOwnH(command) ? ['--help'] : ['--help', '-h']
  return (end < 0 ? args : args.slice(0, end)).some((arg) => flags.includes(arg))
}

function help(command: Command): string {
  return commandHelp(command, terminal.paintOut)
}

function say(text: string): number {
  terminal.out(text)
  return exitCodes.ok
}

/** Anything else than what a command means to say is a fault of the program, and ends it with its trace. */
function failed(error: unknown, first: string | undefined): number {
  if (error instanceof UsageError) {
    const command = commands.find(({ name }) => name === first)
    const which = command === undefined ? '' : ` ${command.name}`
    terminal.err(`pointsman${which}: ${error.message}\nTry "pointsman${which} --help".`)
    return exitCodes.usage
  }
  if (error instanceof ConfigError) terminal.err(reportDiagnostics(error, terminal.paintErr))
  else if (error instanceof CommandError || error instanceof ListenError) terminal.err(error.message)
  else throw error
  return exitCodes.failure
}
