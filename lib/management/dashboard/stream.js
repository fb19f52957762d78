/** The events of the management API, as they come: server-sent events, read by `fetch` so that they can carry a token. */

import * as clock from './clock.js'

/**
 * @typedef {object} StreamState
 * @property {'connecting' | 'live' | 'lost' | 'refused'} state `refused`: the token is missing
 * @property {string} [reason] why it was lost
 * @property {number} [retryAt] when it tries again, on the scale of `clock.now()`
 */

/** Takes the text of a stream in any pieces, and gives its events (HTML standard, section 9.2.6). */
export class EventParser {
  #rest = ''
  #event = ''
  /** @type {string[]} */
  #data = []
  /** Milliseconds that the other side wants to have between two tries; undefined as long as it did not say. */
  retry = /** @type {number | undefined} */ (undefined)

  /**
   * @param {string} text
   * @returns {{ event: string, data: string }[]}
   */
  feed(text) {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    return lines.flatMap((line) => this.#line(line.endsWith('\r') ? line.slice(0, -1) : line))
  }

  /** @param {string} line */
  #line(line) {
    if (line === '') return this.#dispatch()
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'event') this.#event = value
    if (name === 'data') this.#data.push(value)
    if (name === 'retry' && /^\d+$/.test(value)) this.retry = Number(value)
    return []
  }

  #dispatch() {
    const found = { event: this.#event || 'message', data: this.#data.join('\n') }
    const isEmpty = this.#data.length === 0
    this.#event = ''
    this.#data = []
    return isEmpty ? [] : [found]
  }
}

/** Statistics come every second: a stream that is silent for this long is dead, though nobody has said so. */
const longestSilence = 10_000
const longestDelay = 30_000

/** A stream of events that is opened again whenever it ends. */
export class EventStream {
  #open
  #onEvent
  #onState
  #failures = 0
  #retry = 1000
  #lastBytes = 0
  /** @type {AbortController | undefined} */
  #reading
  #endPause = () => {}

  /**
   * @param {object} options
   * @param {(signal: AbortSignal) => Promise<Response>} options.open
   * @param {(event: string, data: string) => void} options.onEvent
   * @param {(state: StreamState) => void} options.onState
   */
  constructor({ open, onEvent, onState }) {
    this.#open = open
    this.#onEvent = onEvent
    this.#onState = onState
  }

  /** Runs as long as the page. */
  async run() {
    setInterval(() => this.#watch(), 1000)
    for (;;) {
      const reason = await this.#once()
      this.#failures += 1
      if (reason === undefined) {
        this.#onState({ state: 'refused' })
        await this.#pause(undefined)
        continue
      }
      const delay = Math.min(longestDelay, this.#retry * 2 ** (this.#failures - 1)) * (0.8 + 0.4 * clock.chance())
      this.#onState({ state: 'lost', reason, retryAt: clock.now() + delay })
      await this.#pause(delay)
    }
  }

  /** Ends the wait for the next try. */
  retryNow() {
    this.#endPause()
  }

  /** One stream, from its beginning to its end. Returns why it ended; undefined when a token is missing. */
  async #once() {
    const controller = new AbortController()
    this.#onState({ state: 'connecting' })
    try {
      const response = await this.#open(controller.signal)
      // Opening may take as long as somebody needs to find the token; from here on, silence means that it is dead.
      this.#lastBytes = clock.now()
      this.#reading = controller
      await this.#read(/** @type {ReadableStream<BufferSource>} */ (response.body))
      return 'The proxy has closed the connection.'
    } catch (error) {
      if (/** @type {any} */ (error)?.status === 401) return undefined
      if (controller.signal.aborted) return 'Nothing comes any more.'
      // What the browser says of a connection that breaks ("network error") helps nobody.
      return error instanceof TypeError ? 'The connection broke.' : String(/** @type {any} */ (error)?.message)
    } finally {
      this.#reading = undefined
    }
  }

  /** @param {ReadableStream<BufferSource>} body */
  async #read(body) {
    const parser = new EventParser()
    const reader = body.pipeThrough(new TextDecoderStream()).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      this.#lastBytes = clock.now()
      const events = parser.feed(value)
      this.#retry = Math.min(longestDelay, Math.max(100, parser.retry ?? this.#retry))
      if (events.length > 0) {
        this.#failures = 0
        this.#onState({ state: 'live' })
      }
      for (const { event, data } of events) this.#onEvent(event, data)
    }
  }

  #watch() {
    if (clock.now() - this.#lastBytes > longestSilence) this.#reading?.abort()
  }

  /** @param {number | undefined} delay in milliseconds; undefined: until it is ended */
  #pause(delay) {
    return new Promise((resolve) => {
      const timer = delay === undefined ? undefined : setTimeout(() => resolve(undefined), delay)
      this.#endPause = () => {
        clearTimeout(timer)
        resolve(undefined)
      }
    })
  }
}
