/** What a command is, and how its arguments are read. */

import { parseArgs } from 'node:util'
import { unknown } from '../config/suggest.js'
import type { Terminal } from './terminal.js'

/** Exit codes of every command. */
export const exitCodes = { ok: 0, failure: 1, usage: 2 } as const

/** One option of a command. */
export interface CommandOption {
  readonly short?: string
  /** What stands for its value in the help; without it, the option is a switch. */
  readonly value?: string
  readonly repeatable?: boolean
  readonly doc: string
}

/** The arguments of a command, checked. */
export interface Arguments {
  readonly positionals: readonly string[]
  /** The last value that was given. */
  text(option: string): string | undefined
  /** All values of a repeatable option. */
  texts(option: string): readonly string[]
  on(option: string): boolean
}

export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** Its arguments: `[-c FILE] METHOD URL`. */
  readonly usage: string
  /** It takes arguments beside its options. */
  readonly takesPositionals?: boolean
  readonly options: Readonly<Record<string, CommandOption>>
  /** Further help. */
  readonly notes?: string
  /** Returns the exit code. */
  run(args: Arguments, terminal: Terminal): Promise<number> | number
}

/** The command was called in a way that it does not know: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The command could not do what it was asked for, for a reason that its message says in full: exit code 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}

/** The option that most commands have. */
export const configOption: CommandOption = {
  short: 'c',
  value: 'FILE',
  doc: 'The configuration file. Default: proxy.conf in the working directory.',
}

/** `-h` is an option of the command's own, and does not ask for help. */
export function hasOwnH({ options }: Command): boolean {
  return Object.values(options).some(({ short }) => short === 'h')
}

/** Reads the arguments of a command. */
export function readArguments(command: Command, args: readonly string[]): Arguments {
  const { values, positionals } = parse(command, args)
  if (positionals.length > 0 && command.takesPositionals !== true) {
    const hint = 'config' in command.options ? '; a configuration file is named with -c' : ''
    throw new UsageError(`unexpected argument "${positionals[0]}"${hint}`)
  }
  return {
    positionals,
    text: (option) => ([values[option]].flat() as (string | undefined)[]).at(-1),
    texts: (option) => [values[option] ?? []].flat() as string[],
    on: (option) => values[option] === true,
  }
}

function parse({ options }: Command, args: readonly string[]): ReturnType<typeof parseArgs> {
  const described = Object.entries(options).map(([name, { short, value, repeatable }]) => [
    name,
    {
      type: value === undefined ? 'boolean' : 'string',
      ...(short === undefined ? {} : { short }),
      ...(repeatable === true ? { multiple: true } : {}),
    },
  ])
  try {
    return parseArgs({ args: [...args], options: Object.fromEntries(described), allowPositionals: true, strict: true })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') throw new UsageError(unknownOption(message, options))
    if (code?.startsWith('ERR_PARSE_ARGS_')) throw new UsageError(message.split('\n')[0])
    throw error
  }
}

function unknownOption(message: string, options: Command['options']): string {
  const given = /'(-[^']*)'/.exec(message)?.[1] ?? ''
  const known = Object.entries(options).flatMap(([name, { short }]) => [
    `--${name}`,
    ...(short === undefined ? [] : [`-${short}`]),
  ])
  return unknown('option', given, [...known, '--help'])
}
