/** What has to be reached, checked against what was measured. */

import { bodyRow } from '../cases/body.mjs'
import { written } from './columns.mjs'

/**
 * @typedef {object} TargetResult
 * @property {string} what
 * @property {string} limit
 * @property {string} measured
 * @property {string} verdict
 */

/**
 * One thing that has to be reached. `measure` gives the number that must not be larger than `limit`, and where it is
 * the worst of several, which one; undefined where something is not measured.
 *
 * @typedef {object} Target
 * @property {string} what
 * @property {string} text the limit, with `#` for the number
 * @property {number} limit
 * @property {number} digits
 * @property {(cases: Measured) => { value: number, of?: string } | undefined} measure
 */

/** @type {readonly Target[]} */
const targets = [
  within('small GET', '≤ # × http-proxy', 0.35, (cases) => cases.relative('small', 'cost', 'pointsman', 'http-proxy')),
  within('small GET', '≤ # × hello', 2.5, (cases) => cases.relative('small', 'cost', 'pointsman', 'hello')),
  within('small GET', '< # × the cheapest Node rival', 1, cheapestRival),
  within('64 KiB response', '≤ # × http-proxy', 0.45, (cases) =>
    cases.relative('64k', 'cost', 'pointsman', 'http-proxy'),
  ),
  within('POST of 16 KiB', '≤ # × http-proxy', 0.45, (cases) =>
    cases.relative('post', 'cost', 'pointsman', 'http-proxy'),
  ),
  within('10 000 entries', '≤ # × one entry', 1.1, (cases) => cases.worst('entries', 'cost')),
  within('a pick among 1 000 servers', '≤ # × among 3', 2, (cases) => cases.worst('pick', 'nanoseconds')),
  {
    ...within('1 GiB body', 'RSS grows by < # MiB', 64, largestGrowth),
    digits: 0,
  },
  within('an idle WebSocket pair', '≤ # × http-proxy', 1, (cases) =>
    cases.relative('websockets', 'pairMemory', 'pointsman', 'http-proxy'),
  ),
  within('all features on', '≤ # × plain', 1.15, (cases) => cases.worst('features', 'cost')),
  within('small GET through a worker', '≤ # × http-proxy over TCP', 1.2, (cases) =>
    cases.relative('tunnel', 'cost', 'a worker', 'http-proxy'),
  ),
  within('management on', '≤ # × off', 1.15, (cases) => cases.worst('managed', 'cost')),
  within('TCP: bytes', 'bare pipes at most # × as fast', 1.11, (cases) =>
    cases.relative('tcp', 'rate', 'bare pipes', 'pointsman'),
  ),
  within('TCP: connections', 'bare pipes at most # × as fast', 1.25, (cases) =>
    cases.relative('tcp', 'connections', 'bare pipes', 'pointsman'),
  ),
]

function within(what, text, limit, measure) {
  return { what, text, limit, digits: 2, measure }
}

/**
 * @param {readonly import('./columns.mjs').CaseResult[]} results
 * @returns {TargetResult[]}
 */
export function checkTargets(results) {
  const measured = new Measured(results)
  return targets.map(({ what, text, limit, digits, measure }) => {
    const found = measure(measured)
    const result = { what, limit: text.replace('#', `${limit}`) }
    if (found === undefined) return { ...result, measured: '–', verdict: 'not measured' }
    const of = found.of === undefined ? '' : ` (${found.of})`
    return { ...result, measured: written(found.value, digits) + of, verdict: verdict(found.value, limit, text) }
  })
}

function verdict(value, limit, text) {
  if (text.includes('<') ? value < limit : value <= limit) return 'reached'
  return `missed by ${written((value / limit - 1) * 100, value / limit < 1.1 ? 1 : 0)} %`
}

/** @param {Measured} cases */
function cheapestRival(cases) {
  const rivals = ['http-proxy', 'http-proxy-3', 'httpxy', 'http-proxy-middleware', 'reply-from', 'fast-proxy']
  const ratios = rivals.flatMap((of) => {
    const found = cases.relative('small', 'cost', 'pointsman', of)
    return found === undefined ? [] : [{ ...found, of }]
  })
  return largest(ratios)
}

/** @param {Measured} cases */
function largestGrowth(cases) {
  return largest(
    /** @type {const} */ (['down', 'up']).flatMap((direction) => {
      const value = cases.value('body', 'growth', bodyRow('pointsman', direction))
      return value === undefined ? [] : [{ value, of: direction }]
    }),
  )
}

function largest(list) {
  return list.length === 0 ? undefined : list.reduce((a, b) => (b.value > a.value ? b : a))
}

class Measured {
  /** @param {readonly import('./columns.mjs').CaseResult[]} results */
  constructor(results) {
    this.byName = new Map(results.map((result) => [result.name, result]))
  }

  rows(name) {
    return this.byName.get(name)?.rows ?? []
  }

  value(name, column, row) {
    return this.rows(name).find((each) => each.name === row)?.values[column]
  }

  relative(name, column, row, base) {
    const [value, other] = [this.value(name, column, row), this.value(name, column, base)]
    return value === undefined || other === undefined ? undefined : { value: value / other }
  }

  /** The row that is farthest above its base. */
  worst(name, column) {
    return largest(
      this.rows(name).flatMap(({ name: row, base }) => {
        const found = row === base ? undefined : this.relative(name, column, row, base)
        return found === undefined ? [] : [{ ...found, of: row }]
      }),
    )
  }
}
