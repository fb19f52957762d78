/** What a run does, as its command line says. */

import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export const usage = `npm run simulate -- [options]

  --scenario NAMES   only these: theory,load,proxies,lists,slow,broken,rolling,cold,keys,moves
  --quick            fewer proxies, servers and requests: to see that it runs
  --seed N           another chance (1)
  --json OUT.json    the results
  --write            the results go into docs/scaling.md, and the pictures to docs/scaling/
  --help
`

/**
 * @typedef {object} Plan
 * @property {boolean} quick
 * @property {number} seed
 * @property {number} proxies
 * @property {number} servers
 * @property {(count: number) => number} requests as many as the plan has of a count that is meant for a whole run
 *
 * @typedef {object} Options
 * @property {boolean} help
 * @property {readonly string[] | undefined} scenarios
 * @property {string | undefined} json
 * @property {boolean} write
 * @property {Plan} plan
 */

/**
 * @param {readonly string[]} args
 * @returns {Options} throws an error that says what is wrong with them
 */
export function readOptions(args) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenario: { type: 'string' },
      quick: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      json: { type: 'string' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (!/^\d{1,9}$/.test(values.seed)) throw new Error(`--seed is a whole number, not "${values.seed}"`)
  return {
    help: values.help,
    scenarios: values.scenario?.split(',').map((name) => name.trim()),
    // From where npm was called, which does not run its scripts there.
    json: values.json === undefined ? undefined : resolve(process.env.INIT_CWD ?? '.', values.json),
    write: values.write,
    plan: planOf(values.quick, Number(values.seed)),
  }
}

/**
 * @param {boolean} quick
 * @param {number} seed
 * @returns {Plan}
 */
export function planOf(quick, seed) {
  return {
    quick,
    seed,
    proxies: quick ? 10 : 100,
    servers: quick ? 100 : 1000,
    requests: (count) => (quick ? Math.ceil(count / 10) : count),
  }
}
