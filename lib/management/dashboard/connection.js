/** What the head of the page says of the connection, and of the age of what is shown. */

import * as clock from './clock.js'
import { age } from './format.js'
import { setText } from './rows.js'

/** Statistics come every second; from here on, their age is something to worry about. */
const oldAfter = 3500

export class ConnectionView {
  #box = /** @type {HTMLElement} */ (document.getElementById('connection'))
  #text = /** @type {HTMLElement} */ (document.getElementById('connection-text'))
  #age = /** @type {HTMLElement} */ (document.getElementById('age'))
  #retry = /** @type {HTMLElement} */ (document.getElementById('retry'))
  #enterToken = /** @type {HTMLElement} */ (document.getElementById('enter-token'))
  #announce
  /** @type {import('./stream.js').StreamState} */
  #state = { state: 'connecting' }
  #wasLost = false
  /** When the last statistics came, on the scale of `clock.now()`. */
  #received = Number.NaN

  /**
   * @param {(text: string) => void} announce
   * @param {() => void} retry
   */
  constructor(announce, retry) {
    this.#announce = announce
    for (const button of [this.#retry, this.#enterToken]) button.addEventListener('click', retry)
    setInterval(() => this.#show(), 500)
  }

  get state() {
    return this.#state.state
  }

  /** Statistics have come. */
  received() {
    this.#received = clock.now()
    this.#show()
  }

  /** @param {import('./stream.js').StreamState} state */
  changed(state) {
    if (state.state === 'lost' && !this.#wasLost) this.#announce('Connection lost.')
    if (state.state === 'live' && this.#wasLost) this.#announce('Connected again.')
    if (state.state !== 'connecting') this.#wasLost = state.state === 'lost'
    this.#state = state
    this.#show()
  }

  #show() {
    const old = clock.now() - this.#received
    const isOld = old > oldAfter
    const { state } = this.#state
    this.#box.dataset.state =
      state === 'live' && isOld ? 'old' : state === 'connecting' && this.#wasLost ? 'lost' : state
    setText(this.#text, this.#sentence())
    setText(
      this.#age,
      Number.isNaN(old) ? '' : isOld || state === 'lost' ? `What you see is ${age(old)} old.` : `${age(old)} old`,
    )
    this.#switch(this.#retry, state === 'lost')
    this.#switch(this.#enterToken, state === 'refused')
  }

  #sentence() {
    const { state, reason, retryAt = 0 } = this.#state
    if (state === 'live') return 'Live'
    if (state === 'refused') return 'Not connected: the token is missing.'
    if (state === 'connecting') return this.#wasLost ? 'Connection lost. Trying again…' : 'Connecting…'
    return `Connection lost. ${reason} Trying again in ${age(retryAt - clock.now())}.`
  }

  /**
   * A button that goes leaves the focus to the head of the page.
   * @param {HTMLElement} button
   * @param {boolean} isShown
   */
  #switch(button, isShown) {
    if (button.hidden !== isShown) return
    const hadFocus = document.activeElement === button
    button.hidden = !isShown
    if (!isShown && hadFocus) this.#box.focus()
  }
}
