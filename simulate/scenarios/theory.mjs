/** The model against what is known about queues. */

import { simulated } from './scenario.mjs'

const load = 0.8
/** Nothing but servers, lines and Poisson arrivals; a line has no end. */
const plain = { service: /** @type {const} */ ('exponential'), delay: 0, line: Infinity, load, warmUp: 0.4 }

/** @type {import('./scenario.mjs').Scenario} */
export const theory = {
  name: 'theory',
  title: 'The model against theory',
  about: () =>
    `Exponential service times, load ${load * 100} %, no network. Of a Poisson stream that is split at random each server ` +
    'gets a Poisson stream: M/M/1 and M/M/4 (Erlang C). With one worker and two choices by a proxy that sees all, the ' +
    'part of servers with i requests or more falls doubly exponentially, as ρ^(2^i − 1) (Mitzenmacher), not as ρ^i.',
  labels: ['', 'what'],
  columns: ['expected', 'simulated', 'difference'],
  *run({ quick, ...others }) {
    // A server's line takes long to forget; fewer servers get more requests each.
    const plan = { ...others, quick, proxies: 10, servers: 400, requests: (count) => (quick ? count / 5 : count) }
    for (const workers of [1, 4]) {
      const { mean } = simulated(plan, { ...plain, balancer: 'Random', workers, requests: 1_000_000, mean: 1 })
      const expected = 1 + waiting(workers, load)
      yield row('Random', `M/M/${workers}: time at the server ÷ service time`, expected, mean)
    }
    const one = { ...plan, proxies: 1 }
    for (const [balancer, exponentOf] of exponents) {
      const { atLeast, mean } = simulated(one, { ...plain, balancer, workers: 1, requests: 1_000_000, mean: 1 })
      const time = Array.from({ length: 60 }, (_, i) => load ** (exponentOf(i + 1) - 1)).reduce((a, b) => a + b)
      yield row(balancer, 'time at the server ÷ service time', time, mean)
      for (const i of [2, 3, 4]) {
        yield row(balancer, `part of servers with ${i} requests or more`, load ** exponentOf(i), atLeast[i])
      }
    }
  },
}

/** @type {[string, (i: number) => number][]} */
const exponents = [
  ['Random', (i) => i],
  ['Random-Two', (i) => 2 ** i - 1],
]

function row(balancer, what, expected, simulated) {
  return { labels: [balancer, what], values: { expected, simulated, difference: (simulated / expected - 1) * 100 } }
}

/** Mean waiting time of M/M/c in service times, by Erlang's C formula. */
function waiting(workers, load) {
  const offered = workers * load
  let term = 1
  let sum = 1
  for (let i = 1; i < workers; i++) {
    term *= offered / i
    sum += term
  }
  const all = (term * offered) / workers / (1 - load)
  return all / (sum + all) / (workers * (1 - load))
}
