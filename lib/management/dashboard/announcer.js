/** Says aloud, through a screen reader, what changed; many changes at once in one sentence. */

import { setText } from './rows.js'

/** Milliseconds in which changes are gathered. */
const pause = 500

export class Announcer {
  #element = /** @type {HTMLElement} */ (document.getElementById('announcer'))
  /** @type {{ server: string, pool: string, to: string, reason: string }[]} */
  #changes = []

  /** @param {string} text */
  say(text) {
    setText(this.#element, text)
  }

  /** @param {{ server: string, pool: string, to: string, reason: string }} change */
  tell(change) {
    this.#changes.push(change)
    if (this.#changes.length === 1) setTimeout(() => this.#flush(), pause)
  }

  #flush() {
    const changes = this.#changes
    this.#changes = []
    const each = changes.map(
      ({ server, pool, to, reason }) => `${server} in ${pool} is ${to}${reason && `: ${reason}`}.`,
    )
    this.say(each.length > 3 ? `${each.length} servers have changed their state.` : each.join(' '))
  }
}
