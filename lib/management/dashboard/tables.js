/** The tables of pools and processes, the summary, and the list of changes. */

import { bytes, milliseconds, moment, nothing, number } from './format.js'
import { cellsOf, fromTemplate, Rows, setAttribute, setText } from './rows.js'

/** Changes that the list shows; older ones leave it. */
const longestList = 50

/** @param {string} id */
function bodyOf(id) {
  const body = /** @type {HTMLElement} */ (document.querySelector(`#${id} tbody`))
  return { body, title: /** @type {HTMLElement} */ (document.getElementById(`${id}-title`)) }
}

/**
 * A state, by its word, its sign and its colour.
 * @param {HTMLElement | undefined} element
 * @param {string} state
 */
export function showState(element, state) {
  if (element === undefined) return
  setText(element, state)
  setAttribute(element, 'data-state', state)
}

/**
 * @param {HTMLElement | undefined} element
 * @param {string | number | null} time
 * @param {number} now
 */
export function showTime(element, time, now) {
  setText(element, moment(time, now))
  if (element instanceof HTMLTimeElement && time !== null) element.dateTime = new Date(time).toISOString()
}

/** @param {readonly any[]} servers */
function upOf(servers) {
  return `${servers.filter(({ state }) => state === 'up').length} of ${servers.length}`
}

export class Summary {
  #cells = cellsOf(/** @type {HTMLElement} */ (document.getElementById('summary')))

  /**
   * @param {any} stats
   * @param {readonly any[]} servers
   */
  show(stats, servers) {
    const cells = this.#cells
    const isFirst = stats.interval === 0
    setText(cells.requests, isFirst ? nothing : number(stats.requestsPerSecond))
    setText(cells.errors, isFirst ? nothing : number(stats.errorsPerSecond))
    setText(cells.median, milliseconds(stats.latency.p50))
    setText(cells.slowest, milliseconds(stats.latency.p99))
    setText(cells.active, number(stats.active))
    setText(cells.up, upOf(servers))
    setText(cells.answered, number(stats.client.success))
    setText(cells.failed, number(stats.client.failed))
  }
}

export class PoolsTable {
  #rows

  constructor() {
    const { body, title } = bodyOf('pools')
    this.#rows = new Rows(body, 'pool-row', title)
  }

  /**
   * @param {readonly any[]} pools
   * @param {readonly any[]} servers
   */
  show(pools, servers) {
    const ofPool = Map.groupBy(servers, ({ pool }) => pool)
    this.#rows.show(
      pools,
      ({ name }) => name,
      ({ cells }, pool) => {
        setText(cells.name, pool.name)
        setText(cells.balancer, pool.balancer)
        setText(cells.up, upOf(ofPool.get(pool.name) ?? []))
        setText(cells.queued, number(pool.queued))
        setText(cells.requests, number(pool.requestsPerSecond))
        setText(cells.errors, number(pool.errorsPerSecond))
        for (const name of ['p50', 'p90', 'p99']) setText(cells[name], milliseconds(pool.latency[name]))
      },
    )
  }
}

export class ProcessesTable {
  #rows
  /** @type {Map<number, number>} seconds of CPU time of each process, at the last line */
  #cpu = new Map()
  /** @type {Map<number, number>} the share of a processor that each process used before the last line */
  #shares = new Map()

  constructor() {
    const { body, title } = bodyOf('processes')
    this.#rows = new Rows(body, 'process-row', title)
  }

  /**
   * Takes each line of statistics, shown or not: what a process used lies between two of them.
   * @param {any} stats
   */
  measure({ processes, interval }) {
    const before = this.#cpu
    this.#cpu = new Map(processes.map((/** @type {any} */ { pid, cpu }) => [pid, cpu]))
    this.#shares = new Map()
    for (const [pid, cpu] of this.#cpu) {
      const last = before.get(pid)
      if (last !== undefined && interval > 0 && cpu >= last) this.#shares.set(pid, (cpu - last) / interval)
    }
  }

  /**
   * @param {any} stats
   * @param {number} now
   */
  show({ processes }, now) {
    this.#rows.show(
      processes,
      ({ pid }) => String(pid),
      ({ cells }, process) => {
        setText(cells.pid, String(process.pid))
        showTime(cells.started, process.started, now)
        setText(cells.memory, bytes(process.memory))
        const share = this.#shares.get(process.pid)
        setText(cells.cpu, share === undefined ? nothing : `${Math.round(share * 100)} %`)
      },
    )
  }
}

export class ChangesList {
  #list = /** @type {HTMLElement} */ (document.getElementById('changes'))
  #empty = /** @type {HTMLElement} */ (document.getElementById('no-changes'))

  /**
   * @param {{ pool: string, server: string, from: string, to: string, reason: string, at: string }} change
   * @param {number} now
   */
  add(change, now) {
    const { element, cells } = fromTemplate('change-item')
    for (const name of /** @type {const} */ (['server', 'pool', 'reason'])) setText(cells[name], change[name])
    for (const name of /** @type {const} */ (['from', 'to'])) showState(cells[name], change[name])
    showTime(cells.at, change.at, now)
    this.#list.prepend(element)
    while (this.#list.childElementCount > longestList) this.#list.lastElementChild?.remove()
    this.#empty.hidden = true
  }
}
