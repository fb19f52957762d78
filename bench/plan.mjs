/** What a run does, as its command line says. */

import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export const usage = `npm run bench -- [options]

  --case NAMES       only these cases: small,64k,1m,post,entries,servers,pick,features,managed,tunnel,messages,
                     websockets,idle,body,fleet,joined,registry,processes,tcp
  --rival NAMES      only these rivals, beside pointsman: http-proxy,http-proxy-3,httpxy,http-proxy-middleware,
                     reply-from,fast-proxy,hello,nginx,haproxy,"pointsman over http-proxy"
  --rounds N         rounds, of which the medians are taken (5)
  --duration N       seconds of load in each round (3)
  --quick            one round of one second, and smaller numbers of everything: to see that it runs
  --json OUT.json    the results, for --compare
  --compare BASE.json  what became of the results of an earlier run; never fails
  --write            the results go into docs/performance.md, and the chart to docs/performance.svg
  --help
`

/**
 * @typedef {object} Plan
 * @property {boolean} quick
 * @property {number} rounds
 * @property {number} duration in seconds
 * @property {number} warmUp in seconds
 * @property {number} entries
 * @property {number} servers
 * @property {number} fleet servers in one entry
 * @property {number} registered
 * @property {number} webSockets
 * @property {number} idleClients
 * @property {number} bodySize in bytes
 *
 * @typedef {object} Options
 * @property {boolean} help
 * @property {readonly string[] | undefined} cases
 * @property {readonly string[] | undefined} rivals
 * @property {string | undefined} json
 * @property {string | undefined} compare
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
      case: { type: 'string' },
      rival: { type: 'string' },
      rounds: { type: 'string' },
      duration: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      compare: { type: 'string' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { quick } = values
  return {
    help: values.help,
    cases: names(values.case),
    rivals: names(values.rival),
    json: file(values.json),
    compare: file(values.compare),
    write: values.write,
    plan: {
      quick,
      rounds: count('rounds', values.rounds) ?? (quick ? 1 : 5),
      duration: count('duration', values.duration) ?? (quick ? 1 : 3),
      warmUp: quick ? 2 : 5,
      entries: 10_000,
      servers: 1000,
      fleet: quick ? 500 : 5000,
      registered: quick ? 50 : 500,
      webSockets: quick ? 500 : 4000,
      idleClients: quick ? 1000 : 10_000,
      bodySize: quick ? 128 * 2 ** 20 : 2 ** 30,
    },
  }
}

function names(list) {
  return list
    ?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

function count(name, text) {
  if (text === undefined) return undefined
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new Error(`--${name} is a whole number, 1 or more, not "${text}"`)
  return Number(text)
}

/** From where npm was called, which does not run its scripts there. */
function file(path) {
  return path === undefined ? undefined : resolve(process.env.INIT_CWD ?? '.', path)
}
