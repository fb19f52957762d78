/** wrk, the load generator. */

import { Child } from './children.mjs'

/**
 * @typedef {object} Load
 * @property {number} connections
 * @property {number} duration in whole seconds
 * @property {readonly string[]} [headers] `Name: value`
 * @property {string} [script] a Lua file
 */

/**
 * @typedef {object} LoadResult
 * @property {number} requests
 * @property {number} throughput requests a second
 * @property {number} p50 in milliseconds
 * @property {number} p99 in milliseconds
 * @property {number} failed answers that are no success, and errors of sockets
 */

/**
 * @param {string} program
 * @param {string} url
 * @param {Load} load
 * @returns {Promise<LoadResult>}
 */
export async function wrk(program, url, { connections, duration, headers = [], script }) {
  const args = ['--latency', '-t1', `-c${connections}`, `-d${duration}s`, '--timeout', '10s']
  for (const header of headers) args.push('-H', header)
  if (script !== undefined) args.push('-s', script)
  const child = new Child(program, [...args, url])
  const code = await child.ended
  if (code !== 0) throw new Error(`${child.name}: ${child.complaint}`)
  return readOutput(child.stdout)
}

/**
 * @param {string} text
 * @returns {LoadResult}
 */
export function readOutput(text) {
  const requests = Number(find(text, /(\d+) requests in /))
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? []
  return {
    requests,
    throughput: Number(find(text, /Requests\/sec:\s+([\d.]+)/)),
    p50: milliseconds(find(text, /^\s+50%\s+(\S+)/m)),
    p99: milliseconds(find(text, /^\s+99%\s+(\S+)/m)),
    failed: errors.reduce((sum, count) => sum + Number(count), Number(/Non-2xx.*: (\d+)/.exec(text)?.[1] ?? 0)),
  }
}

function find(text, expression) {
  const found = expression.exec(text)?.[1]
  if (found === undefined) throw new Error(`wrk wrote something else than expected:\n${text}`)
  return found
}

/** @type {Record<string, number>} */
const units = { us: 1e-3, ms: 1, s: 1e3, m: 6e4, h: 3.6e6 }

function milliseconds(text) {
  const [, number, unit] = /^([\d.]+)(us|ms|s|m|h)$/.exec(text) ?? []
  if (number === undefined) throw new Error(`wrk wrote a time of "${text}"`)
  return Number(number) * units[unit]
}
