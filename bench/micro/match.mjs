/** Finding the entry of a request. */

import { compilePattern } from '../../dist/match/pattern.js'
import { RouteTable } from '../../dist/match/route-table.js'
import { parseTarget } from '../../dist/match/target.js'
import { entryRow, manyEntries, shapes } from '../entries.mjs'

const counts = [1, 10_000]

/** @returns {import('./loop.mjs').Operation[]} */
export function matchOperations() {
  return [
    ...Object.entries(shapes).flatMap(([shape, { title }]) => counts.map((count) => find(shape, title, count))),
    parse(),
  ]
}

/** @returns {import('./loop.mjs').Operation} */
function find(shape, title, count) {
  const { patterns, path } = manyEntries(shape, count)
  const routes = patterns.map((pattern, value) => ({
    hosts: undefined,
    methods: undefined,
    patterns: [compilePattern(pattern)],
    value,
  }))
  const table = new RouteTable(routes)
  const target = parseTarget(path)
  if (target === undefined || table.find('GET', 'localhost', target) !== count - 1) throw new Error(`${path} is lost`)
  return {
    name: entryRow(title, count),
    base: entryRow(title, 1),
    run(times) {
      for (let i = 0; i < times; i++) table.find('GET', 'localhost', target)
    },
  }
}

/** @returns {import('./loop.mjs').Operation} */
function parse() {
  const path = '/section-1/pages/page.html?query=1'
  return {
    name: 'taking a target apart',
    run(times) {
      for (let i = 0; i < times; i++) parseTarget(path)
    },
  }
}
