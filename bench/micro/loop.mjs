/** Times functions that are too short to be timed one by one. */

import { median, rotated } from '../harness/statistics.mjs'

/**
 * @typedef {object} Operation
 * @property {string} name
 * @property {string} [base] the operation that it is compared with
 * @property {(times: number) => void} run does it that many times
 */

/**
 * CPU time of the process, so that others on the machine count little. All operations are warm before the first is
 * timed, and each round has all of them, so that none is timed with code that is compiled for it alone.
 *
 * @param {readonly Operation[]} operations
 * @param {{ rounds: number, roundTime: number }} plan time in milliseconds
 * @returns {import('../harness/load.mjs').Row[]}
 */
export function timeOperations(operations, { rounds, roundTime }) {
  const trials = operations.map((operation) => ({ operation, times: 1, costs: /** @type {number[]} */ ([]) }))
  for (const trial of trials) trial.times = timesFor(trial.operation, roundTime)
  for (let round = 0; round < rounds; round++) {
    for (const { operation, times, costs } of rotated(trials, round)) costs.push(timed(operation, times) / times)
  }
  return trials.map(({ operation: { name, base }, costs }) => ({
    name,
    ...(base === undefined ? {} : { base }),
    values: { nanoseconds: median(costs) },
    rounds: costs,
  }))
}

/** How many of them fill a round; finding that out is the warm-up. What is made at the first time does not count. */
function timesFor(operation, roundTime) {
  timed(operation, 1)
  const enough = performance.now() + 4 * roundTime
  for (let times = 64; ; times *= 2) {
    const time = timed(operation, times) / 1e6
    if (time > roundTime / 2 && performance.now() > enough) return Math.round((times * roundTime) / time)
  }
}

function timed({ run }, times) {
  const begin = process.cpuUsage()
  run(times)
  const { user, system } = process.cpuUsage(begin)
  return (user + system) * 1000
}
