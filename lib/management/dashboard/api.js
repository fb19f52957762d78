/** Calls of the management API. */

const base = new URL('..', import.meta.url)
const storageKey = 'pointsman.token'

/** How long an answer may take, in milliseconds. */
const patience = 15_000

/** The API's own answer to a call that it refuses, or a sentence about a call that did not get through. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {number} status 0: there was no answer
   */
  constructor(message, status) {
    super(message)
    this.status = status
  }
}

export class Api {
  #askToken
  /** @type {string | null} */
  #token = stored()
  /** @type {Promise<void> | undefined} one question at a time, however many calls are refused */
  #asking

  /** @param {(wasRefused: boolean) => Promise<string | null>} askToken asks whoever sits there; null: no answer */
  constructor(askToken) {
    this.#askToken = askToken
  }

  /**
   * @param {string} path as in `links`, from the root of the API
   * @param {{ method?: string, body?: unknown, timeout?: number }} [options] timeout in milliseconds
   * @returns {Promise<{ status: number, body: any }>}
   */
  async call(path, { method = 'GET', body, timeout = patience } = {}) {
    /** @type {RequestInit} */
    const init = { method }
    if (body !== undefined) {
      init.body = JSON.stringify(body)
      init.headers = { 'content-type': 'application/json' }
    }
    const response = await this.open(path, init, timeout)
    return { status: response.status, body: await response.json().catch(() => undefined) }
  }

  /**
   * The response, once its head is there. A 401 is answered by asking for the token; any other status but 2xx throws.
   * @param {string} path
   * @param {RequestInit} init
   * @param {number} [timeout] for the head alone, in milliseconds; not for whoever looks for the token
   */
  async open(path, init, timeout = patience) {
    for (;;) {
      const token = this.#token
      const response = await send(path, init, token, timeout)
      if (response.ok) return response
      if (response.status !== 401) throw await refusal(response)
      // Another call may have got a new token since this one was sent.
      if (token === this.#token) await this.#renew()
    }
  }

  #renew() {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #ask() {
    const token = await this.#askToken(this.#token !== null)
    if (token === null) throw new ApiError('The management API asks for its token.', 401)
    this.#token = token
    store(token)
  }
}

/**
 * @param {string} path
 * @param {RequestInit} init
 * @param {string | null} token
 * @param {number} timeout
 */
async function send(path, init, token, timeout) {
  const headers = new Headers(init.headers)
  try {
    if (token !== null) headers.set('authorization', `Bearer ${token}`)
  } catch {
    // No header can carry it, so it is not the token. Sent without, it is refused in the usual way.
  }
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), timeout)
  const signals = init.signal ? [init.signal, late.signal] : [late.signal]
  try {
    const url = new URL(path.replace(/^\/+/, './'), base)
    return await fetch(url, { ...init, headers, cache: 'no-store', signal: AbortSignal.any(signals) })
  } catch (error) {
    if (init.signal?.aborted) throw error
    throw new ApiError(late.signal.aborted ? 'The proxy did not answer in time.' : 'The proxy cannot be reached.', 0)
  } finally {
    clearTimeout(timer)
  }
}

/** @param {Response} response */
async function refusal(response) {
  const body = await response.json().catch(() => undefined)
  const message = body?.error?.message
  const fallback = `The proxy answered ${response.status} ${response.statusText}`.trim()
  return new ApiError(typeof message === 'string' ? message : `${fallback}.`, response.status)
}

function stored() {
  try {
    return sessionStorage.getItem(storageKey)
  } catch {
    return null
  }
}

/** @param {string} token */
function store(token) {
  try {
    sessionStorage.setItem(storageKey, token)
  } catch {
    // Storage is switched off in this browser: the token is asked for again on the next visit.
  }
}
