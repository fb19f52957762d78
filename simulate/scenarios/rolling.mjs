import { lively, simulated, valuesOf } from './scenario.mjs'

const batches = 20

/** @type {import('./scenario.mjs').Scenario} */
export const rolling = {
  name: 'rolling',
  title: 'A rolling restart',
  about: () =>
    `The servers are restarted in ${batches} batches, one after the other. One that is restarted finishes what it has, and ` +
    'refuses connections for 0.1 s; a refused request goes to another server. “Offline” is the part of the servers that ' +
    'a proxy leaves alone in the end, though they are back. Load 70 %.',
  labels: ['proxies', 'OfflineTimeOut', ''],
  columns: ['refused', 'failed', 'resting', 'p99', 'p999', 'longest'],
  *run(plan) {
    const few = Math.ceil(plan.proxies / 10)
    for (const balancer of lively) yield rowOf(plan, plan.proxies, 60, balancer)
    for (const balancer of lively) yield rowOf(plan, few, 60, balancer)
    for (const balancer of lively) yield rowOf(plan, few, 0.2, balancer)
  },
}

function rowOf(plan, proxies, offlineTimeOut, balancer) {
  let resting = 0
  const prepare = ({ clock, stations, fleet, warm, duration }) => {
    const { down } = stations
    const step = (duration - warm) / batches
    for (let batch = 0; batch < batches; batch++) {
      const each = (value) => () => {
        for (let server = batch; server < down.length; server += batches) down[server] = value
      }
      clock.setTimeout(each(1), warm + batch * step)
      clock.setTimeout(each(0), warm + batch * step + Math.min(100, step))
    }
    clock.setTimeout(() => {
      const members = fleet.pools.flatMap((pool) => pool.members)
      resting = members.filter(({ server }) => !server.health.usable).length / members.length
    }, duration - 1)
  }
  const options = { offlineTimeOut: offlineTimeOut * 1000 }
  // 2 s of the restart: 0.1 s for each batch.
  const measured = simulated(
    { ...plan, proxies },
    { balancer, options, prepare, load: 0.7, requests: 320_000, warmUp: 0.1 },
  )
  const values = { ...valuesOf(measured), resting: resting * 100 }
  return { labels: [`${proxies}`, `${offlineTimeOut} s`, balancer], values }
}
