import { sharing, simulated, valuesOf } from './scenario.mjs'

const slowSpeed = 1 / 3
const load = 0.7

/** One in ten. @param {number} server */
function isSlow(server) {
  return server % 10 === 9
}

/** @type {import('./scenario.mjs').Scenario} */
export const slow = {
  name: 'slow',
  title: 'Slow servers',
  about: () =>
    'A tenth of the servers works at a third of the speed. Load 70 % of what all can do together, log-normal service ' +
    'times; an equal share is 196 % of what a slow server can do. “With weights”: 3 for the others, 1 for the slow ones.',
  labels: [''],
  columns: ['share', 'capacity', 'p50', 'p99', 'p999', 'longest', 'refused'],
  *run(plan) {
    const speed = (server) => (isSlow(server) ? slowSpeed : 1)
    const weight = (server) => (isSlow(server) ? 1 : 3)
    for (const balancer of sharing) yield rowOf(balancer, simulated(plan, settings({ balancer, speed })))
    for (const balancer of ['Weighted', 'Random-Two', 'Peak-EWMA']) {
      yield rowOf(`${balancer}, with weights`, simulated(plan, settings({ balancer, speed, weight })))
    }
  },
}

function settings(more) {
  return { ...more, load, requests: 450_000, warmUp: 0.5 }
}

function rowOf(label, measured) {
  const { sent } = measured
  const toSlow = sent.reduce((sum, count, server) => (isSlow(server) ? sum + count : sum), 0)
  const slowCount = sent.reduce((count, _, server) => (isSlow(server) ? count + 1 : count), 0)
  const all = sent.reduce((a, b) => a + b, 0)
  const share = (toSlow / all) * (sent.length / slowCount)
  const mean = (sent.length - slowCount * (1 - slowSpeed)) / sent.length
  return {
    labels: [label],
    values: { ...valuesOf(measured), share, capacity: ((load * mean * share) / slowSpeed) * 100 },
  }
}
