import { list } from '../config/lists.js'
import { eachItem, type OptionTable } from '../config/section.js'
import { compileHost, compilePattern, type Pattern } from './pattern.js'

/** Which requests an entry takes: the public form. */
export interface MatchConfig {
  /**
   * Patterns of the path; one of them has to match. A pattern that begins with `^` is a regular expression, any
   * other a glob, in which `*` crosses `/`. Case does not count. A string is cut at spaces.
   */
  match?: string | readonly string[]
  /** Globs of the host name, without the port. Default: any host. */
  host?: string | readonly string[]
  /** Methods. Default: any method. */
  method?: string | readonly string[]
}

/** Which requests an entry takes, ready to be asked. */
export interface MatchOptions {
  /** Compiled patterns of the path, in the order of the configuration. */
  readonly match: readonly Pattern[]
  /** Compiled globs of the host name, or undefined: any. */
  readonly host: readonly Pattern[] | undefined
  /** Methods in upper case, or undefined: any. */
  readonly method: readonly string[] | undefined
}

/** The keys of `match/`. */
export const matchTable: OptionTable<MatchConfig, MatchOptions> = {
  match: {
    key: 'Match',
    type: list({ describe: 'patterns', resolve: (items) => eachItem(items, (item) => compilePattern(item)) }),
    scope: 'entry',
    doc: 'Patterns of the path. One that begins with `^` is a regular expression, any other a glob.',
    defaultText: 'required',
  },
  host: {
    key: 'Host',
    type: list({ describe: 'globs', resolve: (items) => eachItem(items, (item) => compileHost(item)) }),
    scope: 'entry',
    doc: 'Globs of the host name that the client asked for, without the port.',
    defaultText: 'any',
  },
  method: {
    key: 'Method',
    type: list({ describe: 'methods', item: methodName, resolve: (items) => items }),
    scope: 'entry',
    doc: 'Methods that the entry takes.',
    defaultText: 'any',
  },
}

function methodName(word: string): string {
  // Letters and a few signs: what Node's parser lets through as a method (RFC 9110 §9.1 has any token).
  if (!/^[A-Za-z][A-Za-z-]*$/.test(word)) throw new Error(`"${word}" is not a method`)
  return word.toUpperCase()
}
