/** Talks to one member of an etcd cluster, by gRPC. */

import { isIP } from 'node:net'
import type { ClientDuplexStream, Metadata, ServiceError } from '@grpc/grpc-js'
import type { Clock } from '../clock.js'
import type { EtcdCalls, WatchResponse } from './etcd-api.js'
import { credentialsOf, type EtcdSettings, type GrpcPackages, plainDetails } from './grpc.js'
import { RegistryError } from './registry.js'
import { formatEndpoint, type RegistryEndpoint } from './registry-url.js'

type Method = import('@grpc/proto-loader').MethodDefinition<object, object>

/** How long one call may take, connecting included, in milliseconds. */
const callTimeout = 5_000
/** How often a silent connection is asked whether it lives, and how long it may take to say so; etcd wants 5 s at least. */
const pingInterval = 6_000
const pingTimeout = 3_000

/** A call that failed. */
export class EtcdError extends RegistryError {
  /** Of gRPC. */
  readonly code: number
  /** It would fail again: the credentials are wrong, or do not suffice. */
  readonly refused: boolean

  constructor(message: string, code: number, refused: boolean) {
    super(message)
    this.code = code
    this.refused = refused
  }
}

/** One stream of changes. */
export interface EtcdWatch {
  /** Called with each message. */
  onMessage(message: WatchResponse): void
  /** Called once, however it ends; not after `cancel`. */
  onEnd(error: EtcdError): void
}

export class EtcdClient {
  readonly endpoint: string
  readonly #packages: GrpcPackages
  readonly #settings: EtcdSettings
  readonly #clock: Clock
  readonly #client: InstanceType<GrpcPackages['grpc']['Client']>
  #metadata: Metadata
  readonly #calls = new Set<{ cancel(): void }>()
  #closed = false

  constructor(packages: GrpcPackages, endpoint: RegistryEndpoint, settings: EtcdSettings, clock: Clock) {
    const { grpc } = packages
    this.#packages = packages
    this.#clock = clock
    this.#settings = settings
    this.endpoint = formatEndpoint(endpoint)
    const { host } = endpoint
    const scheme = { 0: 'dns', 4: 'ipv4', 6: 'ipv6' }[isIP(host)]
    this.#client = new grpc.Client(`${scheme}:${this.endpoint}`, credentialsOf(grpc, settings, host), {
      'grpc.keepalive_time_ms': pingInterval,
      'grpc.keepalive_timeout_ms': pingTimeout,
      'grpc.max_receive_message_length': -1,
      'grpc.initial_reconnect_backoff_ms': 100,
      // Another client's failures are no reason to wait.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_channelz': 0,
      // A registry is as near as the servers are; HTTPS_PROXY is the way out into the world.
      'grpc.enable_http_proxy': 0,
      // gRPC would name the server by its address, which RFC 6066 §3 forbids, and Node from 26 on too. What the certificate
      // is checked against is said with the credentials.
      ...(isIP(host) > 0 ? { 'grpc.ssl_target_name_override': 'etcd.invalid' } : {}),
    })
    this.#metadata = this.#newMetadata(undefined)
  }

  /** Says who we are, if that was configured. */
  async authenticate(): Promise<void> {
    const { user, password } = this.#settings
    if (user === undefined || password === undefined) return
    try {
      // A token that is worth nothing any more would be refused here too.
      const nobody = this.#newMetadata(undefined)
      const { token } = await this.#once('Auth.Authenticate', { name: user, password }, nobody)
      this.#metadata = this.#newMetadata(token)
    } catch (error) {
      // Then nobody has to.
      if (error instanceof EtcdError && error.message.includes('authentication is not enabled')) return
      throw error
    }
  }

  /** Rejects with an {@link EtcdError}. */
  async call<Name extends keyof EtcdCalls>(
    name: Name,
    request: EtcdCalls[Name]['request'],
  ): Promise<EtcdCalls[Name]['response']> {
    try {
      return await this.#once(name, request)
    } catch (error) {
      if (!this.#isOutdated(error)) throw error
      await this.authenticate()
      return await this.#once(name, request)
    }
  }

  /** Asks once for a lease to begin anew; returns the seconds that it has, 0 if it is no more. */
  async keepAlive(lease: string): Promise<number> {
    const stream = this.#open(this.#method('Lease.LeaseKeepAlive'))
    try {
      return await this.#inTime(stream, (resolve, reject) => {
        stream.on('data', (message: { TTL: string }) => resolve(Number(message.TTL)))
        stream.on('error', (error: ServiceError) => reject(this.#explain(error)))
        stream.on('end', () => reject(this.#lost('ended the connection')))
        stream.write({ ID: lease })
        stream.end()
      })
    } finally {
      stream.cancel()
    }
  }

  /** Watches keys; returns how to stop. */
  watch(request: object, watch: EtcdWatch): () => void {
    const stream = this.#open(this.#method('Watch.Watch'))
    let ended = false
    const end = (error: EtcdError | undefined): void => {
      if (ended) return
      ended = true
      patience.cancel()
      this.#calls.delete(stream)
      stream.cancel()
      if (error !== undefined) watch.onEnd(error)
    }
    const patience = this.#clock.setTimeout(() => end(this.#lost('did not answer in time')), callTimeout)
    stream.on('data', (message: WatchResponse) => {
      patience.cancel()
      if (!ended) watch.onMessage(message)
    })
    stream.on('error', (error: ServiceError) => end(this.#explain(error)))
    stream.on('end', () => end(this.#lost('ended the connection')))
    stream.write({ createRequest: request })
    return () => end(undefined)
  }

  /** Cuts what is under way. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const call of [...this.#calls]) call.cancel()
    this.#client.close()
  }

  #once<Name extends keyof EtcdCalls>(
    name: Name,
    request: EtcdCalls[Name]['request'],
    metadata = this.#metadata,
  ): Promise<EtcdCalls[Name]['response']> {
    const { path, requestSerialize, responseDeserialize } = this.#method(name)
    let answered: (error: ServiceError | null, response?: object) => void = () => {}
    const call = this.#client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      (error, response) => answered(error, response),
    )
    return this.#inTime(call, (resolve, reject) => {
      answered = (error, response) => {
        if (error === null) resolve(response as EtcdCalls[Name]['response'])
        else reject(this.#explain(error))
      }
    })
  }

  /** Cancels what takes too long. */
  #inTime<Result>(
    call: { cancel(): void },
    work: (resolve: (result: Result) => void, reject: (error: EtcdError) => void) => void,
  ): Promise<Result> {
    this.#calls.add(call)
    return new Promise<Result>((resolve, reject) => {
      const timer = this.#clock.setTimeout(() => {
        done()
        reject(this.#lost('did not answer in time'))
        call.cancel()
      }, callTimeout)
      const done = (): void => {
        timer.cancel()
        this.#calls.delete(call)
      }
      work(
        (result) => {
          done()
          resolve(result)
        },
        (error) => {
          done()
          reject(error)
        },
      )
    })
  }

  #open(method: Method): ClientDuplexStream<object, object> {
    const { path, requestSerialize, responseDeserialize } = method
    const stream = this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, this.#metadata)
    this.#calls.add(stream)
    return stream
  }

  #method(name: string): Method {
    const [service = '', method = ''] = name.split('.')
    return (this.#packages.methods[`etcdserverpb.${service}`] as Record<string, Method>)[method]!
  }

  #newMetadata(token: string | undefined): Metadata {
    const metadata = new this.#packages.grpc.Metadata()
    // A member that is cut off from the others ends its streams instead of being silent.
    metadata.set('hasleader', 'true')
    if (token !== undefined) metadata.set('token', token)
    return metadata
  }

  /** The token has run out, or was given before somebody changed the users. */
  #isOutdated(error: unknown): boolean {
    if (this.#settings.user === undefined || !(error instanceof EtcdError)) return false
    return /invalid auth token|revision in header is old/.test(error.message)
  }

  #lost(what: string): EtcdError {
    return new EtcdError(`${this.endpoint} ${what}`, this.#packages.grpc.status.UNAVAILABLE, false)
  }

  #explain({ code, details }: ServiceError): EtcdError {
    const { status } = this.#packages.grpc
    const refusals: readonly number[] = [status.INVALID_ARGUMENT, status.PERMISSION_DENIED, status.UNAUTHENTICATED]
    return new EtcdError(`${this.endpoint}: ${plainDetails(details)}`, code, refusals.includes(code))
  }
}
