/** Types of settings of the form `from to`. */

import { type OptionType, show, ValueProblem } from './section.js'
import { PlainText, quoteWord } from './text.js'

/** What is replaced, and by what. */
export interface Replacement {
  readonly from: string
  readonly to: string
}

function fromWords(words: readonly { text: string }[]): Replacement {
  if (words.length !== 2) throw new ValueProblem(`expected two words, from and to, not ${words.length}`)
  return { from: words[0]!.text, to: words[1]!.text }
}

function fromValue(value: unknown, at?: number): Replacement {
  if (typeof value === 'string') return fromWords(new PlainText(value).words)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const { from, to, ...others } = value as Record<string, unknown>
    if (typeof from === 'string' && typeof to === 'string' && Object.keys(others).length === 0) return { from, to }
  }
  throw new ValueProblem(`expected { from, to } with two strings, or "from to", not ${show(value)}`, at)
}

function formatPair({ from, to }: Replacement): string {
  return `${quoteWord(from)} ${quoteWord(to)}`
}

/** One pair; `*` in place of `from` stands for anything. */
export const pair: OptionType<Replacement> = {
  describe: 'from to',
  parse: (value) => fromWords(value.words),
  accept: (value) => fromValue(value),
  resolve: (value) => value,
  format: (value) => [formatPair(value)],
}

/** A rule that replaces what a regular expression finds; `$1` in `to` stands for its first group. */
export interface RewriteRule {
  readonly from: RegExp
  readonly to: string
}

/** A regular expression and its replacement, repeatable. */
export const rewriteRules: OptionType<readonly Replacement[], readonly RewriteRule[]> = {
  describe: 'regular expression and replacement',
  parse(value) {
    const { words } = value
    if (words.length === 1 && !words[0]!.quoted && /^none$/i.test(words[0]!.text)) return []
    return [fromWords(words)]
  },
  merge: (before, after) => [...before, ...after],
  accept(value) {
    if (typeof value === 'string' && /^\s*none\s*$/i.test(value)) return []
    const items: readonly unknown[] = Array.isArray(value) ? value : [value]
    return items.map((item, index) => fromValue(item, index))
  },
  resolve: (rules) => rules.map(({ from, to }, index) => ({ from: compile(from, index), to })),
  format: (rules) => (rules.length === 0 ? ['none'] : rules.map(formatPair)),
}

function compile(source: string, at: number): RegExp {
  try {
    // As in `Match`, case does not count, so that whatever an entry matches is also rewritten.
    return new RegExp(source, 'i')
  } catch (error) {
    throw new ValueProblem(`bad regular expression "${source}": ${(error as Error).message.replace(/^.*: /, '')}`, at)
  }
}
