import { absolutePath, type ErrorPage, readErrorPage } from '../config/files.js'
import { messageOf, type OptionType, show, ValueProblem } from '../config/section.js'
import { parseStatuses } from '../config/statuses.js'
import { quoteText } from '../config/text.js'

type PagePaths = Readonly<Record<string, string>>

/** Status codes and the file that is sent with them, repeatable: `502 errors/502.html`, `500 502-504 error.html`. */
export const errorPages: OptionType<PagePaths, ReadonlyMap<number, ErrorPage>> = {
  describe: 'status codes and file',
  parse({ words, directory }) {
    if (words.length === 1 && /^none$/i.test(words[0]!.text)) return {}
    const path = words.at(-1)
    if (path === undefined || words.length < 2) throw new ValueProblem('expected status codes and a file')
    const codes = words.slice(0, -1).flatMap((word, at) => pageStatuses(word.text, at))
    return Object.fromEntries(codes.map((code) => [code, absolutePath(directory, path.text)]))
  },
  merge(before, after) {
    const doubled = Object.keys(after).find((code) => Object.hasOwn(before, code))
    if (doubled !== undefined) throw new ValueProblem(`${doubled} has an error page already`)
    return { ...before, ...after }
  },
  accept(value) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new ValueProblem(`expected an object of status codes and files, not ${show(value)}`)
    }
    const pages: Record<string, string> = {}
    for (const [code, path] of Object.entries(value)) {
      if (typeof path !== 'string' || path === '') throw new ValueProblem(`expected a file, not ${show(path)}`, code)
      for (const each of pageStatuses(code, code)) {
        if (Object.hasOwn(pages, each)) throw new ValueProblem(`${each} has an error page already`, code)
        pages[each] = absolutePath(process.cwd(), path)
      }
    }
    return pages
  },
  resolve(pages, context) {
    return new Map(
      Object.entries(pages).map(([code, path]) => {
        try {
          return [Number(code), readErrorPage(path, context)]
        } catch (error) {
          throw new ValueProblem(messageOf(error), code)
        }
      }),
    )
  },
  format(pages) {
    const lines = Object.entries(pages).map(([code, path]) => `${code} ${formatPath(path)}`)
    return lines.length === 0 ? ['none'] : lines
  },
}

function pageStatuses(word: string, at: number | string): string[] {
  const [from, to] = statusesAt(word, at)
  if (from < 400) throw new ValueProblem(`"${word}" is not an error; error pages belong to 400 to 599`, at)
  return Array.from({ length: to - from + 1 }, (_, index) => String(from + index))
}

function statusesAt(word: string, at: number | string): readonly [from: number, to: number] {
  try {
    const range = parseStatuses(word)
    if (range !== undefined) return range
  } catch (error) {
    throw new ValueProblem(messageOf(error), at)
  }
  throw new ValueProblem(`"${word}" is not a status code`, at)
}

function formatPath(path: string): string {
  return /\s/.test(path) ? JSON.stringify(path).replaceAll('${', '$$${') : quoteText(path)
}
