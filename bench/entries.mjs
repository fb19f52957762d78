/** Configurations of many entries, of the shapes that people write. */

import { written } from './report/columns.mjs'

/**
 * @typedef {object} Shape
 * @property {string} title
 * @property {(index: number) => string} pattern
 * @property {(index: number) => string} path one that the pattern takes
 */

/** @type {Record<string, Shape>} */
const regular = {
  exact: { title: 'exact', pattern: (i) => `/pages/page-${i}`, path: (i) => `/pages/page-${i}` },
  prefix: { title: '/prefix/*', pattern: (i) => `/section-${i}/*`, path: (i) => `/section-${i}/pages/page.html` },
  extension: { title: '*.ext', pattern: (i) => `*.x${i}`, path: (i) => `/pages/page.x${i}` },
}
const kinds = Object.values(regular)

/** @type {Record<string, Shape>} */
export const shapes = {
  ...regular,
  any: { title: 'any path', pattern: (i) => kinds[i % kinds.length].pattern(i), path: () => '/somewhere/else.html' },
}

/** Of so many entries one is a glob or a regular expression that no table can look up. */
const irregularEvery = 500

/**
 * The patterns of so many entries, of which only the last one takes the path that goes with them.
 *
 * @param {keyof typeof shapes} name
 * @param {number} count
 * @returns {{ patterns: string[], path: string }}
 */
export function manyEntries(name, count) {
  const { pattern, path } = shapes[name]
  const last = name === 'any' ? '/*' : pattern(lastIndex)
  const patterns = Array.from({ length: count - 1 }, (_, i) => {
    if (i % irregularEvery !== irregularEvery - 1) return pattern(i)
    return i % (2 * irregularEvery) < irregularEvery ? `/reports-${i}/[a-f]*.{json,xml}` : `^/orders-${i}/(\\d+)$`
  })
  return { patterns: [...patterns, last], path: path(lastIndex) }
}

/** The same last pattern, and so the same path, for any number of entries. */
const lastIndex = 99_999

/**
 * What the results call them.
 *
 * @param {string} title of the shape
 * @param {number} count
 */
export function entryRow(title, count) {
  return `${title}, ${count === 1 ? '1 entry' : `${written(count, 0)} entries`}`
}
