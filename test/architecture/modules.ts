import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** One import of a module of the library by another. */
export interface Import {
  readonly from: string
  readonly to: string
  /** `import type` and `export type`: nothing is left of it when the program runs. */
  readonly typeOnly: boolean
}

// Compiled tests stand in dist-test/architecture/.
const root = fileURLToPath(new URL('../../lib/', import.meta.url))

/** Modules of lib by their names, as `pool/server`, with their text. */
export function readModules(): Map<string, string> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  return new Map(files.map((file) => [nameOf(file), readFileSync(file, 'utf8')]))
}

/** What a module imports of the library's own modules. */
export function importsOf(name: string, source: string): Import[] {
  const code = withoutComments(source)
  const found: Import[] = []
  const add = (specifier: string, typeOnly: boolean): void => {
    if (!specifier.startsWith('.')) return
    const target = join(root, dirname(name), specifier.replace(/\.js$/, '.ts'))
    found.push({ from: name, to: nameOf(target), typeOnly })
  }
  const statement = /^(?:import|export)\b(\s+type\b(?!\s+from))?[^'"();=]*?(?:\bfrom\s*)?'([^']+)'/gm
  for (const [, type, specifier = ''] of code.matchAll(statement)) add(specifier, type !== undefined)
  for (const [, specifier = ''] of code.matchAll(/(?<!typeof )\bimport\(\s*'([^']+)'/g)) add(specifier, false)
  return found
}

/** The same text without comments, line by line. */
export function withoutComments(source: string): string {
  return source
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ''))
    .replace(/(^|\s)\/\/.*$/gm, '$1')
}

/** A way round through the imports, or undefined. */
export function findCycle(imports: readonly Import[]): string[] | undefined {
  const targets = new Map<string, string[]>()
  for (const { from, to } of imports) targets.set(from, [...(targets.get(from) ?? []), to])
  const done = new Set<string>()
  const path: string[] = []
  const visit = (name: string): string[] | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name]
    if (done.has(name)) return undefined
    path.push(name)
    for (const target of targets.get(name) ?? []) {
      const cycle = visit(target)
      if (cycle !== undefined) return cycle
    }
    path.pop()
    done.add(name)
    return undefined
  }
  for (const name of targets.keys()) {
    const cycle = visit(name)
    if (cycle !== undefined) return cycle
  }
  return undefined
}

function nameOf(file: string): string {
  return relative(root, file).replace(/\.ts$/, '').replaceAll(sep, '/')
}
