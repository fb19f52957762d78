/** @type {ReadonlySet<never>} */
const nobody = new Set()

/**
 * One request, as the pool and its balancer see it, and as the simulation moves it about. They are used again and again.
 *
 * @implements {import('../../dist/pool/request.js').PoolRequest}
 */
export class Request {
  attempt = 0
  slots = 0
  failedOpen = false
  /** Members of the pool that were tried. @type {Set<unknown> | ReadonlySet<never>} */
  tried = nobody
  /** @type {import('../../dist/pool/lease.js').Lease<number> | undefined} */
  lease
  /** Index of the server. */
  server = 0
  /** Index of the proxy. */
  proxy = 0
  /** When it came to the proxy. */
  begun = 0
  /** Milliseconds of service that it needs. */
  work = 0
  /** Value of its `HashKey`. */
  key = ''
  /** Address of its client. */
  client = ''
  /** Number of its client connection. */
  connection = 0
  /** It counts in the results. */
  measured = false
  /** The server answered with an error. */
  erroneous = false
  /** The server refused the connection. */
  refused = false
  /** Who waits behind it. @type {Request | undefined} */
  behind

  /** Another server has to be found. */
  again() {
    if (this.tried === nobody) this.tried = new Set()
    this.tried.add(this.lease.member)
    this.lease = undefined
    this.refused = false
    this.attempt++
  }

  /** Over; the object is free for another one. */
  clear() {
    this.attempt = 0
    this.failedOpen = false
    this.tried = nobody
    this.lease = undefined
    this.erroneous = false
    this.refused = false
  }

  connectionNumber() {
    return this.connection
  }

  clientAddress() {
    return this.client
  }

  hashKey() {
    return this.key
  }

  stickyToken() {
    return undefined
  }
}
