/** Writes keys of an etcd, each as one transaction on what was there before. */

import type { Clock } from '../clock.js'
import type { Random } from '../random.js'
import type { KeyValue } from './etcd-api.js'
import type { EtcdClient } from './etcd-client.js'
import { type EtcdCopy, type EtcdEntry, entryOf } from './etcd-copy.js'
import { type RegistryDecision, RegistryError, type RegistryWrite } from './registry.js'

/** Of `Compare.target` and `Compare.result`. */
const modRevision = 2
const equal = 0

/** For how long others may be faster, in milliseconds. */
const patience = 5_000
/** How long to step back between two attempts, in milliseconds. */
const longestPause = 64

export class EtcdWriter {
  readonly #prefix: string
  readonly #copy: EtcdCopy
  readonly #clock: Clock
  readonly #random: Random

  constructor(prefix: string, copy: EtcdCopy, clock: Clock, random: Random) {
    this.#prefix = prefix
    this.#copy = copy
    this.#clock = clock
    this.#random = random
  }

  /** See `Registry.update`. */
  async update(client: EtcdClient, key: string, decide: RegistryDecision): Promise<boolean> {
    let before = this.#copy.entries.get(key)
    let granted: string | undefined
    let used = false
    try {
      const end = this.#clock.now() + patience
      for (let attempt = 0; this.#clock.now() < end; attempt++) {
        const write = decide(before)
        if (write === undefined || changesNothing(write, before)) return false
        if (typeof write.lease === 'number') {
          granted ??= (await client.call('Lease.LeaseGrant', { TTL: write.lease })).ID
        }
        const result = await this.#write(client, key, write, before, granted)
        if (typeof result === 'bigint') {
          used = true
          await this.#copy.seen(result)
          return true
        }
        before = result.entry
        await this.#stepBack(attempt)
      }
      throw new RegistryError(`others changed ${key} all the time`)
    } finally {
      // It would end by itself; whether it could be told so does not matter.
      if (granted !== undefined && !used) void client.call('Lease.LeaseRevoke', { ID: granted }).catch(() => {})
    }
  }

  /** See `Registry.renew`. */
  async renew(client: EtcdClient, key: string, seconds: number): Promise<boolean> {
    const { lease = '0' } = this.#copy.entries.get(key) ?? {}
    if (lease === '0') return false
    const { TTL, grantedTTL } = await client.call('Lease.LeaseTimeToLive', { ID: lease })
    if (Number(TTL) <= 0 || Number(grantedTTL) !== seconds) return false
    return (await client.keepAlive(lease)) > 0
  }

  /** Else whoever has just written would be the first again, with what it has just been told. */
  #stepBack(attempt: number): Promise<void> {
    const longest = Math.min(longestPause, 2 ** attempt)
    return new Promise((resolve) => this.#clock.setTimeout(resolve, longest * this.#random.next()))
  }

  /** Returns the revision of the write, or what stands there in place of `before`. */
  async #write(
    client: EtcdClient,
    name: string,
    { value, lease }: RegistryWrite,
    before: EtcdEntry | undefined,
    granted: string | undefined,
  ): Promise<bigint | { readonly entry: EtcdEntry | undefined }> {
    const key = Buffer.from(`${this.#prefix}${name}`)
    const leased =
      lease === 'keep' && before !== undefined ? { ignoreLease: true } : lease === undefined ? {} : { lease: granted }
    const { header, succeeded, responses } = await client.call('KV.Txn', {
      compare: [{ target: modRevision, result: equal, key, modRevision: String(before?.revision ?? 0n) }],
      success: [
        value === undefined
          ? { requestDeleteRange: { key } }
          : { requestPut: { key, value: Buffer.from(value), ...leased } },
      ],
      failure: [{ requestRange: { key } }],
    })
    if (succeeded) return BigInt(header.revision)
    const kv: KeyValue | undefined = responses[0]?.responseRange?.kvs[0]
    return { entry: kv && entryOf(kv) }
  }
}

function changesNothing({ value, lease }: RegistryWrite, before: EtcdEntry | undefined): boolean {
  if (value !== before?.value) return false
  return before === undefined || lease === 'keep' || (lease === undefined && !before.leased)
}
