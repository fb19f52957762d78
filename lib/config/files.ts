/** Files that a value names, read at load. */

import { isAbsolute, resolve as resolvePath } from 'node:path'
import { type OptionType, type ResolveContext, show, ValueProblem } from './section.js'
import { quoteText } from './text.js'

/** The absolute name of a file that is named relative to a folder. */
export function absolutePath(directory: string, name: string): string {
  return isAbsolute(name) ? name : resolvePath(directory, name)
}

/** Text in PEM itself, in place of the name of a file. */
function isPem(text: string): boolean {
  return text.includes('-----BEGIN ')
}

/** Certificates or a key in PEM: the name of a file, or the text itself. The resolved form is the text. */
export const pemFile: OptionType<string, string> = {
  describe: 'file',
  parse: ({ text, directory }) => named(text, directory),
  accept(value) {
    if (typeof value === 'string') return named(value, process.cwd())
    throw new ValueProblem(`expected a file name or text in PEM, not ${show(value)}`)
  },
  resolve(value, context) {
    if (isPem(value)) return value
    const text = context.readFile(value).toString('latin1')
    if (!isPem(text)) throw new ValueProblem(`${value} is not in PEM: it has no "-----BEGIN" line`)
    return text
  },
  format: (value) => [quoteText(value)],
}

function named(text: string, directory: string): string {
  if (text.trim() === '') throw new ValueProblem('a value is missing; expected file')
  return isPem(text) ? text : absolutePath(directory, text)
}

/** What a client gets in place of a built-in error page. */
export interface ErrorPage {
  readonly body: Buffer
  readonly contentType: string
}

const contentTypes: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  htm: 'text/html; charset=utf-8',
  txt: 'text/plain; charset=utf-8',
  json: 'application/json',
  xml: 'application/xml',
  svg: 'image/svg+xml',
}

/** Reads an error page. Its name tells its type; without a known extension it is HTML. */
export function readErrorPage(path: string, context: ResolveContext): ErrorPage {
  const extension = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? 'html'
  return { body: context.readFile(path), contentType: contentTypes[extension] ?? contentTypes.html! }
}
