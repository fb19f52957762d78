/** The dashboard: what comes from the management API, put where it belongs. */

import { showChoices, showPoolsToAdd, startAddForm } from './add-form.js'
import { Announcer } from './announcer.js'
import { Api } from './api.js'
import * as clock from './clock.js'
import { ConnectionView } from './connection.js'
import { askToken, confirmRemoval } from './dialogs.js'
import { History } from './history.js'
import { Plots } from './plots.js'
import { ServersTable } from './servers.js'
import { EventStream } from './stream.js'
import { ChangesList, PoolsTable, ProcessesTable, Summary } from './tables.js'

/** Seconds that a removed server gets to finish its requests. */
const drain = 30
/** Milliseconds between two looks at what no event tells, such as the last check of a server. */
const pollInterval = 5000

const api = new Api(askToken)
const history = new History()
const announcer = new Announcer()
const plots = new Plots(/** @type {HTMLElement} */ (document.getElementById('plots')), history)
const plotPool = /** @type {HTMLSelectElement} */ (document.getElementById('plot-pool'))
const summary = new Summary()
const poolsTable = new PoolsTable()
const processesTable = new ProcessesTable()
const changesList = new ChangesList()
const serversTable = new ServersTable(act)

/** @type {any[]} */
let servers = []
/** @type {any} */
let stats
/** How often `servers` was told by an event: an answer that was asked for before is older. */
let version = 0
/** Between the clock of the proxy and that of this page, in milliseconds. */
let clockOffset = clock.wallTime() - clock.now()
let isDrawing = false

function now() {
  return clock.now() + clockOffset
}

/** @type {Record<string, (data: any) => void>} */
const handlers = {
  servers(data) {
    version += 1
    servers = data.servers
  },
  state(change) {
    version += 1
    const { pool, server, to: state, reason, at: since } = change
    // The list that follows tells the same; until then, nothing old is shown beside the news.
    servers = servers.map((each) =>
      each.pool === pool && each.id === server ? { ...each, state, reason, since } : each,
    )
    changesList.add(change, now())
    announcer.tell(change)
  },
  stats(data) {
    stats = data
    clockOffset = Date.parse(data.at) - clock.now()
    // The rates of the first line are of no time at all.
    if (data.interval > 0) history.add(data)
    processesTable.measure(data)
    connection.received()
  },
}

const stream = new EventStream({
  open: (signal) => api.open('/events', { signal, headers: { accept: 'text/event-stream' } }),
  onEvent(event, data) {
    handlers[event]?.(JSON.parse(data))
    draw()
  },
  onState: (state) => connection.changed(state),
})
const connection = new ConnectionView(
  (text) => announcer.say(text),
  () => stream.retryNow(),
)

/** Shows everything at the next frame: once, however much came, and not at all while nobody can see it. */
function draw() {
  if (isDrawing) return
  isDrawing = true
  requestAnimationFrame(() => {
    isDrawing = false
    serversTable.show(servers, now())
    if (stats !== undefined) drawStats()
  })
}

function drawStats() {
  const names = stats.pools.map((/** @type {any} */ { name }) => name)
  showChoices(plotPool, names, 1)
  showPoolsToAdd(names)
  summary.show(stats, servers)
  poolsTable.show(stats.pools, servers)
  serversTable.showNumbers(stats.pools)
  processesTable.show(stats, now())
  plots.show(plotPool.value, Date.parse(stats.at))
}

async function refresh() {
  const asked = version
  const { body } = await api.call('/servers')
  if (asked !== version) return
  servers = body.servers
  draw()
}

/**
 * @param {any} server
 * @param {import('./servers.js').Action} action
 */
async function act(server, action) {
  const path = server.links.self
  if (action === 'remove') {
    const answer = await confirmRemoval(server)
    if (answer === 'no') return
    const separator = path.includes('?') ? '&' : '?'
    const query = answer === 'drained' ? `${separator}drain=${drain}` : ''
    // The answer may come only when the server has gone.
    await api.call(path + query, { method: 'DELETE', timeout: (drain + 15) * 1000 })
  } else {
    const state = { drain: 'draining', disable: 'disabled', enable: 'up' }[action]
    await api.call(path, { method: 'PATCH', body: { state } })
  }
  // It is done, whatever becomes of the list.
  await refresh().catch(() => {})
}

startAddForm(async (server) => {
  const answer = await api.call('/servers', { method: 'POST', body: server })
  await refresh().catch(() => {})
  return answer
})

plotPool.addEventListener('change', draw)
/** There is reason to hope that it works now. A question for the token is not asked again. */
function retrySooner() {
  if (document.visibilityState === 'visible' && connection.state === 'lost') stream.retryNow()
}

addEventListener('online', retrySooner)
document.addEventListener('visibilitychange', retrySooner)
setInterval(() => {
  // What goes wrong here shows in the stream too.
  if (document.visibilityState === 'visible' && connection.state === 'live') refresh().catch(() => {})
}, pollInterval)
stream.run()
