/**
 * The text of one setting: quotes, escapes and trailing comments as the `ini` package reads them, `${VARIABLES}`, and
 * the column of every word.
 *
 * The package is asked about one quoted or unquoted piece at a time. What it turns into something else than a string
 * (it reads `'5'` as JSON) stays text, and a quoted piece that it cannot read is a problem rather than left in quotes.
 * Variables are filled in last, so that what they contain is never taken for a quote, an escape or a comment.
 */

import { unsafe } from 'ini'
import { ValueProblem, type ValueText, type Word } from './section.js'

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>

/** A piece of unquoted text; `variable` tells that spaces in it separate words. */
interface Piece {
  readonly text: string
  readonly column: number
  readonly variable: boolean
}

interface Scanned {
  readonly pieces: readonly Piece[]
  readonly end: number
  /** A comment follows without a space before it. */
  readonly touchesComment: boolean
}

const space = /\s/
const variablePattern = /^\$\{([A-Za-z_]\w*)(?::-((?:(?!\$\{)[^}])*))?\}/

/** One value in a line of a file. */
export class LineText implements ValueText {
  readonly directory: string
  readonly #raw: string
  /** Column of the first character of `#raw`. */
  readonly #column: number
  readonly #environment: Environment

  constructor(raw: string, column: number, directory: string, environment: Environment) {
    this.#raw = raw
    this.#column = column
    this.directory = directory
    this.#environment = environment
  }

  get text(): string {
    return this.#textFrom(0).text
  }

  get first(): Word | undefined {
    const start = this.#skipSpace(0)
    return this.#endsAt(start) ? undefined : this.#wordAt(start).words[0]
  }

  get afterFirst(): string | undefined {
    const start = this.#skipSpace(0)
    const end = this.#endsAt(start) ? start : this.#wordAt(start).end
    if (this.#endsAt(this.#skipSpace(end))) return undefined
    const { text, touchesComment } = this.#textFrom(end)
    if (touchesComment) {
      throw new ValueProblem(
        'a comment begins right after the text; put the value in double quotes, or write \\; and \\#',
      )
    }
    return text
  }

  get words(): readonly Word[] {
    const words: Word[] = []
    for (let index = this.#skipSpace(0); !this.#endsAt(index); ) {
      const found = this.#wordAt(index)
      words.push(...found.words)
      index = this.#skipSpace(found.end)
    }
    return words
  }

  #skipSpace(from: number): number {
    let index = from
    while (index < this.#raw.length && space.test(this.#raw[index]!)) index++
    return index
  }

  #endsAt(index: number): boolean {
    return index >= this.#raw.length || this.#raw[index] === ';' || this.#raw[index] === '#'
  }

  #wordAt(start: number): { words: readonly Word[]; end: number } {
    if (!isQuote(this.#raw[start])) {
      const { pieces, end } = this.#scan(start, true)
      return { words: cutWords(pieces, this.#column + start), end }
    }
    const end = this.#closingQuote(start) + 1
    if (!this.#endsAt(end) && !space.test(this.#raw[end]!)) {
      throw new ValueProblem('a space is missing after the closing quote', undefined, this.#column + end)
    }
    const text = this.#unquote(this.#raw.slice(start, end), start)
    return { words: [{ text, column: this.#column + start, quoted: true }], end }
  }

  #textFrom(from: number): { text: string; touchesComment: boolean } {
    const start = this.#skipSpace(from)
    const rest = this.#raw.slice(start).trimEnd()
    if (isQuote(rest[0])) {
      const after = this.#closingQuote(start) + 1
      const wholly = rest.length > 1 && rest.endsWith(rest[0]!) && (rest[0] === "'" || after === start + rest.length)
      if (wholly) return { text: this.#unquote(rest, start), touchesComment: false }
      if (this.#endsAt(this.#skipSpace(after))) {
        return { text: this.#unquote(this.#raw.slice(start, after), start), touchesComment: false }
      }
    }
    const { pieces, touchesComment } = this.#scan(start, false)
    return {
      text: pieces
        .map((piece) => piece.text)
        .join('')
        .trim(),
      touchesComment,
    }
  }

  /** Unquoted text up to a comment, the end or, with `oneWord`, a space. */
  #scan(start: number, oneWord: boolean): Scanned {
    const raw = this.#raw
    const pieces: Piece[] = []
    let from = start
    let index = start
    const flush = (): void => {
      // The dots keep the package from trimming, and from taking quotes within a text for its delimiters.
      if (index > from) {
        const text = String(unsafe(`.${raw.slice(from, index)}.`)).slice(1, -1)
        pieces.push({ text, column: this.#column + from, variable: false })
      }
    }
    while (!this.#endsAt(index) && !(oneWord && space.test(raw[index]!))) {
      if (raw.startsWith('$${', index)) {
        flush()
        pieces.push({ text: '${', column: this.#column + index, variable: false })
        index += 3
        from = index
      } else if (raw.startsWith('${', index)) {
        flush()
        const { value, length } = this.#variable(raw.slice(index), index)
        pieces.push({ text: value, column: this.#column + index, variable: true })
        index += length
        from = index
      } else {
        index += /^\\[\\;#]/.test(raw.slice(index, index + 2)) ? 2 : 1
      }
    }
    flush()
    const touchesComment =
      index < raw.length && index > start && !space.test(raw[index]!) && !space.test(raw[index - 1]!)
    return { pieces, end: index, touchesComment }
  }

  #closingQuote(start: number): number {
    const quote = this.#raw[start]!
    for (let index = start + 1; index < this.#raw.length; index++) {
      if (this.#raw[index] === quote) return index
      if (quote === '"' && this.#raw[index] === '\\') index++
    }
    throw new ValueProblem(`the quote ${quote} is not closed`, undefined, this.#column + start)
  }

  #unquote(quoted: string, start: number): string {
    // Declared to be a string; a piece in single quotes may come back as any JSON value.
    const plain: unknown = unsafe(quoted)
    if (quoted.startsWith('"') && plain === quoted) {
      const message = 'text in double quotes is read as JSON: write \\\\ for a backslash, or use single quotes'
      throw new ValueProblem(message, undefined, this.#column + start)
    }
    return this.#fillIn(typeof plain === 'string' ? plain : quoted.slice(1, -1), start)
  }

  #fillIn(text: string, start: number): string {
    let filled = ''
    for (let index = 0; index < text.length; ) {
      if (text.startsWith('$${', index)) {
        filled += '${'
        index += 3
      } else if (text.startsWith('${', index)) {
        const { value, length } = this.#variable(text.slice(index), start)
        filled += value
        index += length
      } else {
        filled += text[index]
        index++
      }
    }
    return filled
  }

  #variable(text: string, start: number): { value: string; length: number } {
    const column = this.#column + start
    const match = variablePattern.exec(text)
    if (match === null) {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the message shows the notation itself.
      const message = 'bad variable; write ${NAME} or ${NAME:-default}, and $${ for a literal ${'
      throw new ValueProblem(message, undefined, column)
    }
    const name = match[1]!
    const set = this.#environment[name]
    const value = match[2] !== undefined && (set === undefined || set === '') ? match[2] : set
    if (value === undefined) throw new ValueProblem(`environment variable ${name} is not set`, undefined, column)
    return { value, length: match[0].length }
  }
}

function isQuote(character: string | undefined): boolean {
  return character === '"' || character === "'"
}

/** Joins pieces to words as a shell does: `a${X}b` with `1 2` in X gives `a1` and `2b`. */
function cutWords(pieces: readonly Piece[], column: number): readonly Word[] {
  const words: Word[] = []
  let current: { text: string; column: number } | undefined
  const close = (): void => {
    if (current !== undefined) words.push({ ...current, quoted: false })
    current = undefined
  }
  for (const piece of pieces) {
    const parts = piece.variable ? piece.text.split(/\s+/) : [piece.text]
    parts.forEach((part, index) => {
      if (index > 0) close()
      if (part === '') return
      current = {
        text: (current?.text ?? '') + part,
        column: current?.column ?? (words.length > 0 ? piece.column : column),
      }
    })
  }
  close()
  return words
}

/** A word as it has to be written so that it is read as the same word. */
export function quoteWord(word: string): string {
  return /^[^\s"'\\;#=][^\s\\;#]*$/.test(word) && !word.includes('${') ? word : inQuotes(word)
}

/** A whole value as it has to be written so that it is read as the same text. */
export function quoteText(text: string): string {
  const plain = /^[^\s"'\\;#=](?:[^\r\n\\;#]*[^\s\\;#])?$/.test(text) && !text.includes('${')
  return plain ? text : inQuotes(text)
}

function inQuotes(text: string): string {
  return JSON.stringify(text).replaceAll('${', '$$${')
}

/** Text that a program gives instead of a file: cut at spaces, without quotes, comments and variables. */
export class PlainText implements ValueText {
  readonly text: string
  readonly directory: string = process.cwd()

  constructor(text: string) {
    this.text = text.trim()
  }

  get words(): readonly Word[] {
    const words = this.text === '' ? [] : this.text.split(/\s+/)
    return words.map((word) => ({ text: word, column: 0, quoted: false }))
  }

  get first(): Word | undefined {
    return this.words[0]
  }

  get afterFirst(): string | undefined {
    return this.words.length > 1 ? this.text.replace(/^\S+\s*/, '') : undefined
  }
}
