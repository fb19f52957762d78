/** Types of settings about header fields. */

import { list } from './lists.js'
import { eachItem, type OptionType, show, ValueProblem } from './section.js'
import { quoteText } from './text.js'
import { isFieldValue, isToken } from './tokens.js'

/** A header field. */
export interface HeaderField {
  readonly name: string
  readonly value: string
}

/** Header fields in the public form: name → value, or several values of a field that may be repeated. */
export type HeaderFields = Readonly<Record<string, string | readonly string[]>>

/** Fields that belong to one connection or tell where a message ends: the proxy's own business. */
const ownBusiness: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

function checkName(name: string): void {
  if (!isToken(name)) throw new ValueProblem(`"${name}" is not a header name`)
  if (ownBusiness.has(name.toLowerCase())) {
    throw new ValueProblem(`"${name}" is managed by the proxy, and cannot be set or removed`)
  }
}

function valuesOf(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value
}

/** `Name value…`, repeatable. */
export const setHeaders: OptionType<HeaderFields, readonly HeaderField[]> = {
  describe: 'name and value',
  parse(value) {
    const { first, afterFirst } = value
    if (first === undefined) throw new ValueProblem('a value is missing; expected a header name and its value')
    if (afterFirst === undefined) {
      if (!first.quoted && /^none$/i.test(first.text)) return {}
      throw new ValueProblem(`the value of the header "${first.text}" is missing; an empty one is written ""`)
    }
    return Object.fromEntries([[first.text, afterFirst.trim()]])
  },
  merge(before, after) {
    const merged = new Map(Object.entries(before))
    for (const [name, value] of Object.entries(after)) {
      const known = merged.get(name)
      merged.set(name, known === undefined ? value : [...valuesOf(known), ...valuesOf(value)])
    }
    return Object.fromEntries(merged)
  },
  accept(value) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new ValueProblem(`expected an object of header names and values, not ${show(value)}`)
    }
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, acceptValue(name, each)]))
  },
  resolve(fields) {
    return Object.entries(fields).flatMap(([name, value]) => {
      checkNamed(name)
      return eachValue(name, value)
    })
  },
  format(fields) {
    const lines = Object.entries(fields).flatMap(([name, value]) =>
      valuesOf(value).map((each) => `${formatName(name)} ${quoteText(each)}`),
    )
    return lines.length === 0 ? ['none'] : lines
  },
}

function acceptValue(name: string, value: unknown): string | readonly string[] {
  const values: unknown[] = Array.isArray(value) ? value : [value]
  const wrong = values.find((each) => typeof each !== 'string')
  if (wrong !== undefined || values.length === 0) {
    throw new ValueProblem(
      `expected a string or a list of strings, not ${show(values.length === 0 ? value : wrong)}`,
      name,
    )
  }
  const trimmed = (values as string[]).map((each) => each.trim())
  return trimmed.length === 1 ? trimmed[0]! : trimmed
}

function checkNamed(name: string): void {
  try {
    checkName(name)
  } catch (error) {
    throw new ValueProblem((error as Error).message, name)
  }
}

function eachValue(name: string, value: string | readonly string[]): readonly HeaderField[] {
  return valuesOf(value).map((each) => {
    if (!isFieldValue(each)) {
      throw new ValueProblem(`the value of the header "${name}" contains characters that a header cannot carry`, name)
    }
    return { name, value: each }
  })
}

/** A name may begin with what begins a quote or a comment (RFC 9110 §5.6.2). */
function formatName(name: string): string {
  return /['#]/.test(name) || /^none$/i.test(name) ? JSON.stringify(name) : name
}

/** Names of header fields, repeatable; in lower case once resolved. */
export const removeHeaders: OptionType<readonly string[], readonly string[]> = list({
  describe: 'header names',
  mayBeEmpty: true,
  resolve: (names) =>
    eachItem(names, (name) => {
      checkName(name)
      if (name.toLowerCase() === 'host') throw new ValueProblem('every request needs a Host header (RFC 9110 §7.2)')
      return name.toLowerCase()
    }),
})
