import { existsSync, readdirSync, statSync } from 'node:fs'
import { isAbsolute, join, relative, resolve } from 'node:path'
import picomatch from 'picomatch'

/** What an `Include` stands for. */
export interface Included {
  /** Named as the including file is, relative or absolute; sorted. */
  readonly files: readonly string[]
  /** Folder in which a glob looked, or undefined. */
  readonly folder: string | undefined
}

/**
 * The files that a pattern stands for, relative to `folder`. One without wildcards is itself, whether it exists or
 * not; wildcards that match nothing stand for no file. As in a shell, they do not match a leading dot.
 */
export function expandInclude(pattern: string, folder: string): Included {
  if (!picomatch.scan(pattern).isGlob) return { files: [under(folder, pattern)], folder: undefined }
  const { base, glob } = picomatch.scan(pattern)
  const start = under(folder, base === '' ? '.' : base)
  if (!existsSync(start)) return { files: [], folder: resolve(start) }
  const matches = picomatch(glob)
  const files = readdirSync(start, { recursive: glob.includes('/'), withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(
      (file) =>
        matches(relative(start, file).replaceAll('\\', '/')) && statSync(file, { throwIfNoEntry: false })?.isFile(),
    )
    .sort((one, other) => (one < other ? -1 : 1))
  return { files, folder: resolve(start) }
}

function under(folder: string, name: string): string {
  return isAbsolute(name) ? name : join(folder, name)
}
