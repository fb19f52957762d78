import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A piece of code on a page. */
export interface Snippet {
  /** Where it begins: `docs/balancers.md:104`. */
  readonly place: string
  /** What stands behind the three backquotes. */
  readonly language: string
  readonly text: string
  /** What the HTML comment before it says, or empty. */
  readonly mark: string
}

// Compiled tests stand in dist-test/docs/.
export const root: string = fileURLToPath(new URL('../../', import.meta.url))

/** The pages whose snippets are checked. */
export function pages(): string[] {
  const docs = readdirSync(`${root}docs`).filter((name) => name.endsWith('.md'))
  return ['README.md', ...docs.map((name) => `docs/${name}`), 'examples/README.md']
}

/** The snippets of a page, in their order. */
export function snippetsOf(page: string): Snippet[] {
  const found: Snippet[] = []
  let open: { place: string; language: string; mark: string; lines: string[] } | undefined
  let mark = ''
  for (const [index, line] of readFileSync(`${root}${page}`, 'utf8').split('\n').entries()) {
    if (open === undefined) {
      const language = /^```(\S*)\s*$/.exec(line)?.[1]
      if (language !== undefined) open = { place: `${page}:${index + 1}`, language, mark, lines: [] }
      else if (line !== '') mark = /^<!-- (\w+) -->$/.exec(line)?.[1] ?? ''
    } else if (line === '```') {
      found.push({ place: open.place, language: open.language, mark: open.mark, text: `${open.lines.join('\n')}\n` })
      open = undefined
      mark = ''
    } else {
      open.lines.push(line)
    }
  }
  if (open !== undefined) throw new Error(`${open.place} does not end`)
  return found
}
