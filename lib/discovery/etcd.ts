/**
 * A registry in an etcd cluster: see `registry.ts`.
 *
 *     connecting ──(listed, watched)──▶ connected ──(stream broken)──▶ waiting ──(backoff)──▶ connecting, the next member
 *
 * Each connection begins with a list of all keys, read by consensus, and goes on with a watch from the revision of the
 * list. So it does not matter what happened in between: a compaction, an election, a restored backup.
 */

import type { Clock, Timer } from '../clock.js'
import { messageOf } from '../config/section.js'
import type { RegistrySnapshot } from '../forward/control.js'
import type { Logger } from '../forward/events.js'
import type { Random } from '../random.js'
import type { RangeResponse, WatchResponse } from './etcd-api.js'
import { EtcdClient, EtcdError } from './etcd-client.js'
import { EtcdCopy } from './etcd-copy.js'
import { EtcdWriter } from './etcd-writer.js'
import { checkCertificates, type EtcdSettings, type GrpcPackages, loadGrpc } from './grpc.js'
import type { RegistryOptions } from './options.js'
import { type Registry, type RegistryDecision, type RegistryEntry, RegistryError } from './registry.js'
import { formatRegistryAddress, type RegistryAddress } from './registry-url.js'
import { RetryDelay } from './retry-delay.js'

export interface EtcdRegistryParts {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/**
 * The registry that the options name; it does nothing until it is started.
 *
 * @throws RegistryError where the packages that it takes are not installed, or certificates cannot be used.
 */
export async function createEtcdRegistry(
  options: RegistryOptions & { readonly registry: RegistryAddress },
  parts: EtcdRegistryParts,
): Promise<Registry> {
  return new EtcdRegistry(options, await loadGrpc(), parts)
}

class EtcdRegistry implements Registry {
  readonly #address: RegistryAddress
  readonly #settings: EtcdSettings
  readonly #packages: GrpcPackages
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #delay: RetryDelay
  readonly #copy: EtcdCopy
  readonly #writer: EtcdWriter
  readonly #range: { readonly key: Buffer; readonly rangeEnd: Buffer }
  #state: RegistrySnapshot
  /** Why it was said last that the registry is out of reach; undefined: it was not. */
  #complaint: 'unreachable' | 'refused' | undefined
  #client: EtcdClient | undefined
  #running: Promise<void> | undefined
  #pause: { readonly timer: Timer; readonly end: () => void } | undefined
  #closed = false

  constructor(
    options: RegistryOptions & { readonly registry: RegistryAddress },
    packages: GrpcPackages,
    parts: EtcdRegistryParts,
  ) {
    const { registry, registryCA: ca, registryCertificate: certificate, registryKey: key } = options
    const { secure, user, password, prefix } = registry
    this.#address = registry
    this.#settings = { secure, ca, certificate, key, user, password }
    checkCertificates(this.#settings)
    this.#packages = packages
    this.#clock = parts.clock
    this.#logger = parts.logger
    this.#delay = new RetryDelay(parts.clock, parts.random)
    this.#copy = new EtcdCopy(`${prefix}/`, parts.clock)
    this.#writer = new EtcdWriter(`${prefix}/`, this.#copy, parts.clock, parts.random)
    // "0" is what follows "/".
    this.#range = { key: Buffer.from(`${prefix}/`), rangeEnd: Buffer.from(`${prefix}0`) }
    const url = formatRegistryAddress(registry)
    this.#state = { url, connected: false, reason: 'not connected yet', since: parts.clock.wallTime() }
  }

  get state(): RegistrySnapshot {
    return this.#state
  }

  get entries(): ReadonlyMap<string, RegistryEntry> {
    return this.#copy.entries
  }

  watch(listener: (keys: readonly string[]) => void): () => void {
    return this.#copy.watch(listener)
  }

  start(): Promise<void> {
    return new Promise((resolve) => {
      this.#running ??= this.#run(resolve)
    })
  }

  update(key: string, decide: RegistryDecision): Promise<boolean> {
    return this.#ask((client) => this.#writer.update(client, key, decide))
  }

  renew(key: string, lease: number): Promise<boolean> {
    return this.#ask((client) => this.#writer.renew(client, key, lease))
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#client?.close()
    this.#pause?.end()
    this.#copy.close()
    await this.#running
  }

  async #ask<Result>(work: (client: EtcdClient) => Promise<Result>): Promise<Result> {
    const { connected, reason } = this.#state
    if (this.#closed || this.#client === undefined || !connected) {
      throw new RegistryError(`the registry is out of reach: ${this.#closed ? 'it is closed' : reason}`)
    }
    try {
      return await work(this.#client)
    } catch (error) {
      if (error instanceof EtcdError) throw new RegistryError(`the registry did not take it: ${error.message}`)
      throw error
    }
  }

  /** `answered`: called when one member has answered, or all have failed. */
  async #run(answered: () => void): Promise<void> {
    const { endpoints } = this.#address
    for (let attempt = 0; !this.#closed; attempt++) {
      this.#delay.begin()
      try {
        this.#client = new EtcdClient(
          this.#packages,
          endpoints[attempt % endpoints.length]!,
          this.#settings,
          this.#clock,
        )
        await this.#client.authenticate()
        // Once for each time that what was watched is no longer there.
        for (;;) await this.#follow(this.#client, await this.#list(this.#client), answered)
      } catch (error) {
        if (!this.#closed) this.#lost(error)
      }
      this.#client?.close()
      this.#client = undefined
      if (attempt >= endpoints.length - 1) answered()
      if (!this.#closed) await this.#wait(this.#delay.next(endpoints.length))
    }
    answered()
  }

  /** Returns the revision of what was listed. */
  async #list(client: EtcdClient): Promise<bigint> {
    // Without `serializable`: what a majority agrees upon, not what this member happens to know.
    const response: RangeResponse = await client.call('KV.Range', this.#range)
    return this.#copy.replace(response)
  }

  /** Until the connection breaks, which rejects, or another list is needed. */
  #follow(client: EtcdClient, revision: bigint, answered: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const onMessage = (message: WatchResponse): void => {
        const again = this.#hear(message)
        if (again === undefined) {
          answered()
          return
        }
        stop()
        if (again instanceof Error) reject(again)
        else resolve()
      }
      const stop = client.watch({ ...this.#range, startRevision: String(revision + 1n) }, { onMessage, onEnd: reject })
    })
  }

  /** Returns undefined while the watch goes on; how it ended otherwise. */
  #hear(message: WatchResponse): 'list again' | Error | undefined {
    const { canceled, compactRevision, cancelReason, created, events } = message
    if (canceled) {
      if (compactRevision !== '0') return 'list again'
      const refused = /permission denied|PermissionDenied/.test(cancelReason)
      return new EtcdError(`the watch was refused: ${cancelReason || 'no reason given'}`, 2, refused)
    }
    if (this.#copy.isHeld) {
      if (events.length > 0) return 'list again'
      this.#setState(false, 'it has come back without what was stored in it; write any key, or restore it')
      if (created) this.#logger.error(`registry ${this.#state.url}: ${this.#state.reason}; known servers stay`)
      return undefined
    }
    this.#copy.apply(events)
    if (created) this.#found()
    return undefined
  }

  #found(): void {
    if (this.#state.connected) return
    this.#logger.info(`registry ${this.#state.url}: connected`)
    this.#complaint = undefined
    this.#setState(true, '')
  }

  #lost(error: unknown): void {
    const refused = error instanceof EtcdError && error.refused
    this.#delay.failed(refused)
    this.#setState(false, messageOf(error))
    // Said once: what it is that fails may change with every member that is tried.
    const complaint = refused ? 'refused' : 'unreachable'
    if (this.#complaint === complaint) return
    this.#complaint = complaint
    this.#logger.warn(`registry ${this.#state.url}: ${messageOf(error)}; goes on with what is known`)
  }

  #setState(connected: boolean, reason: string): void {
    const since = connected === this.#state.connected ? this.#state.since : this.#clock.wallTime()
    this.#state = { url: this.#state.url, connected, reason, since }
  }

  #wait(delay: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        this.#pause = undefined
        resolve()
      }
      const timer = this.#clock.setTimeout(end, delay)
      this.#pause = { timer, end }
    })
  }
}
