/**
 * Who may call. Three doors have to stay shut at once: other machines (they need the token), pages of other sites in
 * a browser on this machine (they reach loopback addresses, but betray themselves by `Origin` and `Sec-Fetch-Site`),
 * and pages that point a name of their own at 127.0.0.1 (DNS rebinding: to the browser they are of the same site, but
 * `Host` still carries their name).
 */

import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { isLoopbackName } from '../pool/service-address.js'
import { ApiError } from './errors.js'
import type { ManagementOptions } from './options.js'

export class Access {
  readonly #tokenHash: Buffer | undefined
  readonly #listensEverywhere: boolean
  /** Names of the listener itself, in lower case, without brackets. */
  readonly #ownNames: readonly string[]

  constructor({ listen, token }: ManagementOptions) {
    this.#tokenHash = token === undefined ? undefined : hash(token)
    const host = listen?.host ?? ''
    this.#listensEverywhere = listen?.socketPath === undefined && ['', '0.0.0.0', '::'].includes(host)
    const machine = hostname().toLowerCase()
    this.#ownNames = this.#listensEverywhere ? [machine, machine.split('.')[0]!] : [host.toLowerCase()]
  }

  /** Refuses what comes from elsewhere. @throws ApiError */
  checkSource(request: IncomingMessage): void {
    const { host, origin } = request.headers
    const fields = request.headersDistinct.host ?? []
    if (host === undefined || fields.length !== 1) throw new ApiError('bad_request', 'a request has one Host')
    const name = hostName(host)
    if (name === undefined) throw new ApiError('bad_request', `bad Host "${host}"`)
    if (!this.#isOwn(name)) throw foreignHost(host)
    if (origin !== undefined && !isSameOrigin(origin, host)) throw foreignOrigin(`Origin is ${origin}`)
    const site = request.headers['sec-fetch-site']
    if (site !== undefined && site !== 'same-origin' && site !== 'none')
      throw foreignOrigin(`Sec-Fetch-Site is ${site}`)
  }

  /** Refuses a call without the token, if there is one. @throws ApiError */
  checkToken(request: IncomingMessage): void {
    if (this.#tokenHash === undefined) return
    const [, token] = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '') ?? []
    if (token === undefined) throw unauthorized('send Authorization: Bearer TOKEN, with the Token of [MANAGEMENT]', '')
    // Hashes are of one length, which timingSafeEqual needs, and the length of the token stays hidden.
    if (!timingSafeEqual(hash(token), this.#tokenHash)) {
      throw unauthorized('the token is not the one of [MANAGEMENT]', ', error="invalid_token"')
    }
  }

  /**
   * The port does not count: tunnels change it. A listener on all addresses takes any IP address for its own, since
   * translation of addresses may stand before it, and no page can make an address lead elsewhere.
   */
  #isOwn(name: string): boolean {
    if (isLoopbackName(name) || this.#ownNames.includes(name)) return true
    return this.#listensEverywhere && isIP(name) !== 0
  }
}

function hash(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** The name or address in a `Host` field, in its canonical form, without port and brackets; undefined: malformed. */
function hostName(host: string): string | undefined {
  // The URL parser would cut these off, or take what is before them for credentials.
  if (/[\s/?#@\\]/.test(host)) return undefined
  const name = URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : ''
  return name === '' ? undefined : name.replace(/^\[|\]$/g, '').replace(/\.$/, '')
}

/** The scheme does not count: TLS may end before the listener. */
function isSameOrigin(origin: string, host: string): boolean {
  const scheme = /^https?:\/\//.exec(origin)?.[0]
  if (scheme === undefined || !URL.canParse(origin)) return false
  return new URL(origin).host === new URL(`${scheme}${host}`).host
}

function foreignHost(host: string): ApiError {
  const message = `"${host}" is no name of this listener; use localhost, an address, or the name that Listen has`
  return new ApiError('foreign_host', message)
}

function foreignOrigin(reason: string): ApiError {
  const message = `pages of other sites may not call the management API (${reason}); open its address by itself`
  return new ApiError('foreign_origin', message)
}

function unauthorized(message: string, more: string): ApiError {
  return new ApiError('unauthorized', message, { headers: { 'WWW-Authenticate': `Bearer realm="pointsman"${more}` } })
}
