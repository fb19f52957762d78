/**
 * A simulation of proxies that share servers: `npm run simulate`. See docs/scaling.md.
 *
 * It runs on one core, in virtual time, and the same seed always gives the same numbers.
 */

import { writeFileSync } from 'node:fs'
import { terminalTable } from '../bench/report/text.mjs'
import { readOptions, usage } from './plan.mjs'
import { writePage } from './report/page.mjs'
import { writePictures } from './report/pictures.mjs'
import { grid } from './report/table.mjs'
import { scenarios } from './scenarios/all.mjs'

/**
 * @typedef {object} Result
 * @property {string} name
 * @property {string} title
 * @property {string} about
 * @property {readonly string[]} labels
 * @property {readonly (keyof typeof import('./scenarios/scenario.mjs').columns)[]} columns
 * @property {import('./scenarios/scenario.mjs').Row[]} rows
 *
 * @typedef {object} Report
 * @property {boolean} quick
 * @property {number} seed
 * @property {number} proxies
 * @property {number} servers
 * @property {Result[]} results
 */

let options
try {
  options = readOptions(process.argv.slice(2))
  choose(options.scenarios)
} catch (error) {
  console.error(`${/** @type {Error} */ (error).message}\n\n${usage}`)
  process.exitCode = 1
}
if (options?.help) console.log(usage)
else if (options !== undefined && process.exitCode === undefined) run(options)

/** @param {import('./plan.mjs').Options} options */
function run({ plan, scenarios: names, json, write }) {
  const { quick, seed, proxies, servers } = plan
  /** @type {Report} */
  const report = { quick, seed, proxies, servers, results: [] }
  for (const { run, about, ...known } of choose(names)) {
    const begun = performance.now()
    console.log(`\n${known.title}: ${about(plan)}`)
    const result = { ...known, about: about(plan), rows: [...run(plan)] }
    report.results.push(result)
    console.log(terminalTable(grid(result)))
    console.log(`  ${((performance.now() - begun) / 1000).toFixed(1)} s`)
  }
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, undefined, 2)}\n`)
  if (!write) return
  writePage(report)
  writePictures(report)
  console.log('\nWritten to docs/scaling.md and docs/scaling/')
}

/** @param {readonly string[] | undefined} names */
function choose(names) {
  const unknown = names?.filter((name) => !scenarios.some((each) => each.name === name)) ?? []
  if (unknown.length > 0) throw new Error(`no scenario "${unknown.join('", "')}"`)
  return scenarios.filter(({ name }) => names?.includes(name) ?? true)
}
