/** The table of servers, and its buttons. */

import { milliseconds, moment, number } from './format.js'
import { Rows, setAttribute, setText } from './rows.js'
import { showState, showTime } from './tables.js'

/** @typedef {'drain' | 'disable' | 'enable' | 'remove'} Action */

/** Where an action would change nothing. `offline` and `down` are in service as far as anybody's orders go. */
/** @type {Record<Action, readonly string[]>} */
const pointless = {
  drain: ['draining'],
  disable: ['disabled'],
  enable: ['up', 'offline', 'down'],
  remove: [],
}

const words = { drain: 'Drain', disable: 'Disable', enable: 'Enable', remove: 'Remove' }

/** @param {{ pool: string, id: string }} server */
function keyOf({ pool, id }) {
  return JSON.stringify([pool, id])
}

export class ServersTable {
  /** @type {Rows<any>} */
  #rows
  #act
  #empty = /** @type {HTMLElement} */ (document.getElementById('no-servers'))
  /** @type {Map<string, any>} as last shown, by key */
  #servers = new Map()
  /** Keys of servers that something is being done to. */
  #busy = new Set()

  /** @param {(server: any, action: Action) => Promise<void>} act rejects with what is shown beside the buttons */
  constructor(act) {
    const body = /** @type {HTMLElement} */ (document.querySelector('#servers tbody'))
    this.#rows = new Rows(body, 'server-row', document.getElementById('servers-title'))
    this.#act = act
  }

  /**
   * @param {readonly any[]} servers
   * @param {number} now
   */
  show(servers, now) {
    this.#servers = new Map(servers.map((server) => [keyOf(server), server]))
    this.#empty.hidden = servers.length > 0
    this.#rows.show(servers, keyOf, (row, server, isNew) => {
      if (isNew) this.#begin(row, server)
      this.#fill(row, server, now)
    })
  }

  /** @param {readonly any[]} pools of the statistics */
  showNumbers(pools) {
    for (const pool of pools) {
      for (const { id, connections, requestsPerSecond } of pool.servers) {
        const cells = this.#rows.get(keyOf({ pool: pool.name, id }))?.cells
        setText(cells?.connections, number(connections))
        setText(cells?.requests, number(requestsPerSecond))
      }
    }
  }

  /**
   * What stays as long as the row does.
   * @param {import('./rows.js').Row} row
   * @param {any} server
   */
  #begin({ element, cells }, server) {
    const key = keyOf(server)
    setText(cells.id, server.id)
    setText(cells.pool, server.pool)
    setText(cells.connections, number(server.connections))
    setText(cells.requests, number(null))
    for (const button of buttonsOf(element)) {
      const action = /** @type {Action} */ (button.dataset.action)
      button.setAttribute('aria-label', `${words[action]} ${server.id} in ${server.pool}`)
      button.addEventListener('click', () => this.#click(key, action))
    }
  }

  /**
   * @param {import('./rows.js').Row} row
   * @param {any} server
   * @param {number} now
   */
  #fill({ element, cells }, server, now) {
    showState(cells.state, server.state)
    const until = server.offlineUntil === null ? '' : `until ${moment(server.offlineUntil, now)}`
    setText(cells.reason, [server.reason, until].filter((text) => text !== '').join(', '))
    showTime(cells.since, server.since, now)
    setText(cells.weight, String(server.weight))
    setText(cells.backup, server.backup ? 'yes' : 'no')
    setText(cells.check, checkText(server.lastCheck, now))
    // Not `disabled`: a button that is switched off under the finger would lose the focus.
    for (const button of buttonsOf(element)) {
      const action = /** @type {Action} */ (button.dataset.action)
      setAttribute(button, 'aria-disabled', String(pointless[action].includes(server.state)))
    }
  }

  /**
   * @param {string} key
   * @param {Action} action
   */
  async #click(key, action) {
    const server = this.#servers.get(key)
    const message = this.#rows.get(key)?.cells.message
    if (server === undefined || this.#busy.has(key) || pointless[action].includes(server.state)) return
    this.#busy.add(key)
    setText(message, '')
    try {
      await this.#act(server, action)
    } catch (error) {
      setText(message, /** @type {Error} */ (error).message)
    } finally {
      this.#busy.delete(key)
    }
  }
}

/** @param {HTMLElement} row */
function buttonsOf(row) {
  return /** @type {NodeListOf<HTMLButtonElement>} */ (row.querySelectorAll('button[data-action]'))
}

/**
 * @param {{ at: string, passed: boolean, result: string, duration: number } | null} check
 * @param {number} now
 */
function checkText(check, now) {
  if (check === null) return 'none'
  const { passed, result, duration, at } = check
  return `${passed ? 'passed' : 'failed'}: ${result}, ${milliseconds(duration)}, ${moment(at, now)}`
}
