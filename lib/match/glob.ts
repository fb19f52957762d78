/**
 * Globs over normalised paths and host names, compiled by picomatch.
 *
 * `*` also crosses `/` (picomatch's `bash` mode), so that `/*.php` means every PHP file and not only those at the top.
 * Dotfiles match like any other name, upper and lower case are one, and a `.` of the underlying expression matches line
 * breaks too: a decoded `%0a` must not let a path slip past a pattern.
 */

import picomatch from 'picomatch'

/**
 * What a glob comes down to, in lower case, where it is one of the usual shapes; the route table finds these by
 * look-up. A shape may promise too much for names beyond ASCII, never too little: ask the compiled glob as well.
 */
export type GlobShape =
  | { readonly type: 'any' }
  | { readonly type: 'exact'; readonly text: string }
  /** Everything below `text`, which ends with `/`; with `itself`, also `text` without that slash. */
  | { readonly type: 'prefix'; readonly text: string; readonly itself: boolean }
  /** Every path that ends with `text`, which begins with a dot. */
  | { readonly type: 'suffix'; readonly text: string }
  /** Some of what stands below `text`, which ends with `/`, or `text` without that slash: the expression decides. */
  | { readonly type: 'within'; readonly text: string }

/** A compiled glob. */
export interface Glob {
  readonly shape: GlobShape | undefined
  matches(text: string): boolean
}

const options = {
  bash: true,
  dot: true,
  // With them `*.php` would also match `/a.php/`, which `/*.php` does not.
  fastpaths: false,
  strictBrackets: true,
  // Otherwise a glob that yields no valid expression, as `/[z-a]`, would become one that never matches.
  debug: true,
  flags: 'is',
} as const

/** Compiles a glob over paths. Throws an `Error` that says what is wrong with it. */
export function compileGlob(text: string): Glob {
  const shape = shapeOf(text)
  if (shape?.type === 'any') return { shape, matches: text.startsWith('/') ? isPath : isAnything }
  const expression = shape === undefined || shape.type === 'within' ? expressionOf(text) : shapeExpression(shape)
  return { shape, matches: (path) => expression.test(path) }
}

/** The regular expression for a glob. Throws an `Error` that says what is wrong with it. */
export function expressionOf(glob: string): RegExp {
  try {
    return picomatch.makeRe(glob, options)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`bad glob "${glob}": ${reason.replace(/ - use .*$/, '')}`)
  }
}

function isPath(path: string): boolean {
  return path.charCodeAt(0) === 47
}

function isAnything(): boolean {
  return true
}

/** Characters that mean the same in a glob and in plain text. Only ASCII: see {@link GlobShape}. */
const plain = '[\\w.~:@,;=&/-]'
const exactGlob = new RegExp(`^/${plain}*$`)
const prefixGlob = new RegExp(`^(/(?:${plain}*/)?)\\*{1,2}$`)
const suffixGlob = /^\/?\*(\.[\w.~-]+)$/
/** Plain directories, whatever follows, as long as it has no alternative to the whole. */
const withinGlob = new RegExp(`^(/(?:${plain}*/)?)[^|]*$`)

function shapeOf(glob: string): GlobShape | undefined {
  if (/^\/?\*{1,2}$/.test(glob)) return { type: 'any' }
  const lower = glob.toLowerCase()
  if (exactGlob.test(glob)) return { type: 'exact', text: lower }
  const prefix = prefixGlob.exec(lower)?.[1]
  if (prefix !== undefined) return { type: 'prefix', text: prefix, itself: lower.endsWith('**') }
  const suffix = suffixGlob.exec(lower)?.[1]
  if (suffix !== undefined) return { type: 'suffix', text: suffix }
  const within = withinGlob.exec(lower)?.[1]
  return within === undefined || within === '/' ? undefined : { type: 'within', text: within }
}

/** The same as picomatch's expression, without its look-aheads and lazy scans: these run for most requests. */
function shapeExpression(shape: Exclude<GlobShape, { type: 'any' | 'within' }>): RegExp {
  switch (shape.type) {
    case 'exact':
      return new RegExp(`^${escapeText(shape.text)}$`, 'i')
    case 'prefix':
      return new RegExp(
        shape.itself ? `^${escapeText(shape.text.slice(0, -1))}(?:/|$)` : `^${escapeText(shape.text)}`,
        'i',
      )
    case 'suffix':
      return new RegExp(`${escapeText(shape.text)}$`, 'i')
  }
}

function escapeText(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
