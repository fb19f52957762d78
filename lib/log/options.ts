import { absolutePath } from '../config/files.js'
import { type OptionTable, type OptionType, show, ValueProblem } from '../config/section.js'
import { quoteText } from '../config/text.js'
import { oneOf, optional } from '../config/types.js'

/** From which importance on the log is written. */
export type Level = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** How a line of the access log looks. */
export type Format = 'combined' | 'json'

/** What is written to logs by the command line: the public form. */
export interface LogConfig {
  /** From which importance on the log is written. Default: `info`. */
  level?: Level
  /** `stdout`, or a file to which a line is added for each request; false: none. Default: false. */
  accessLog?: string | false
  /** How a line of the access log looks. Default: `combined`. */
  format?: Format
}

/** What is written to logs by the command line. */
export interface LogOptions {
  readonly level: Level
  /** `stdout`, or the absolute path of a file; undefined: no access log. */
  readonly accessLog: string | undefined
  readonly format: Format
}

const accessLogTarget: OptionType<string, string> = {
  describe: 'stdout or a file',
  parse: ({ text, directory }) => target(text, directory),
  accept(value) {
    if (typeof value === 'string') return target(value.trim(), process.cwd())
    throw new ValueProblem(`expected "stdout" or the name of a file, not ${show(value)}`)
  },
  resolve(value) {
    if (/[\\/]$/.test(value)) throw new ValueProblem(`${value} is a folder; the access log is a file`)
    return value
  },
  format: (value) => [quoteText(value)],
}

/** A file of that name is `./stdout`. */
function target(text: string, directory: string): string {
  if (text === '') throw new ValueProblem('a value is missing; expected stdout or a file')
  if (text.toLowerCase() === 'stdout') return 'stdout'
  const path = absolutePath(directory, text)
  return text.endsWith('/') && !path.endsWith('/') ? `${path}/` : path
}

/** The keys of `[LOG]`. */
export const logTable: OptionTable<LogConfig, LogOptions> = {
  level: {
    key: 'Level',
    type: oneOf<Level>('level', ['debug', 'info', 'warn', 'error', 'silent']),
    default: 'info',
    scope: 'own',
    doc: 'From which importance on the log is written.',
  },
  accessLog: {
    key: 'AccessLog',
    type: optional(accessLogTarget),
    default: false,
    scope: 'own',
    doc: 'Where a line is written for each request: `stdout`, or a file.',
  },
  format: {
    key: 'Format',
    type: oneOf<Format>('format', ['combined', 'json']),
    default: 'combined',
    scope: 'own',
    doc: 'How a line of the access log looks: `combined` as of Apache and nginx, or `json`.',
  },
}
