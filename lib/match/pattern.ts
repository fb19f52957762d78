/** The patterns of `Match` and `Host`, compiled once, at load. */

import { domainToASCII } from 'node:url'
import { compileGlob, expressionOf, type GlobShape } from './glob.js'

/** A compiled pattern. */
export interface Pattern {
  /** As it was written. */
  readonly text: string
  readonly kind: 'glob' | 'regex'
  /** What the pattern comes down to, for look-ups; undefined where it has to be tried. */
  readonly shape: GlobShape | undefined
  /** For `Match`, a normalised path; for `Host`, a host name in lower case without port. */
  matches(path: string): boolean
}

/**
 * Compiles one `Match` pattern: a regular expression if it begins with `^`, otherwise a glob. Both ignore case, and
 * both see the path alone, decoded and normalised.
 *
 * Throws an `Error` that says what is wrong with the pattern.
 */
export function compilePattern(text: string): Pattern {
  if (text === '') throw new Error('an empty pattern matches nothing')
  if (text.startsWith('^')) return compileRegex(text)
  checkPathGlob(text)
  const { shape, matches } = compileGlob(text)
  return { text, kind: 'glob', shape, matches }
}

/**
 * Compiles one `Host` pattern, a glob over the host name: `example.com`, `*.example.com`, `::1`. `*` stands for any
 * number of labels. A name beyond ASCII is turned to the form that clients send (`xn--…`).
 *
 * Throws an `Error` that says what is wrong with the pattern.
 */
export function compileHost(text: string): Pattern {
  if (text === '') throw new Error('an empty host pattern matches nothing')
  if (/[/\s@\\]/.test(text)) throw new Error(`bad host pattern "${text}": only a host name, without scheme or path`)
  const glob = hostGlob(text)
  if (/^[a-z0-9._:-]+$/.test(glob)) {
    return { text, kind: 'glob', shape: { type: 'exact', text: glob }, matches: (host) => host === glob }
  }
  if (/^\*{1,2}$/.test(glob)) return { text, kind: 'glob', shape: { type: 'any' }, matches: () => true }
  const expression = expressionOf(glob)
  return { text, kind: 'glob', shape: undefined, matches: (host) => expression.test(host) }
}

function compileRegex(text: string): Pattern {
  try {
    // `s`, so that a decoded line break cannot hide the rest of a path from a `.`.
    const expression = new RegExp(text, 'is')
    return { text, kind: 'regex', shape: undefined, matches: (path) => expression.test(path) }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`bad regular expression "${text}": ${reason.slice(reason.lastIndexOf(': ') + 2)}`)
  }
}

/** Refuses globs that look right and can never match what their author meant. */
function checkPathGlob(text: string): void {
  if (!/^(?:[/*?[{(!]|[@+]\()/.test(text)) {
    throw new Error(`bad glob "${text}": a path glob begins with "/" or "*", a regular expression with "^"`)
  }
  if (/\/\/|\/\.{1,2}(?:\/|$)/.test(text)) {
    throw new Error(`bad glob "${text}": paths are matched without "//", "/./" and "/../"`)
  }
  if (/\\[A-Za-z0-9]/.test(text)) {
    throw new Error(`bad glob "${text}": a backslash stands only before a character with a meaning, as in "\\*"`)
  }
  const escaped = /%[0-9a-f]{2}/i.exec(text)?.[0]
  if (escaped !== undefined) {
    throw new Error(
      `bad glob "${text}": paths are matched decoded, write the character itself in place of "${escaped}"`,
    )
  }
}

function hostGlob(text: string): string {
  const lower = text.toLowerCase()
  // A bracketed IPv6 address would be a character class to a glob.
  const address = /^\[([0-9a-f:.]+)\]$/.exec(lower)?.[1]
  if (address?.includes(':')) return address
  if (/^[^:]*:[^:]*$/.test(lower) || /^\[.*\]:/.test(lower)) {
    throw new Error(`bad host pattern "${text}": hosts are matched without the port`)
  }
  const labels = lower.replace(/(?<=[^.])\.$/, '').split('.')
  return labels.map((label) => asciiLabel(label, text)).join('.')
}

function asciiLabel(label: string, text: string): string {
  if (!/[^ -~]/.test(label)) return label
  const ascii = /[*?[\]{}()!]/.test(label) ? '' : domainToASCII(label)
  if (ascii === '') throw new Error(`bad host pattern "${text}": "${label}" is not a host name`)
  return ascii
}
