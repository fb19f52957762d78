import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Timer } from '#lib/clock.js'
import { DnsDiscovery } from '#lib/discovery/dns.js'
import { type Found, isSource, parseListed, type Source } from '#lib/pool/source.js'
import type { Random } from '#lib/random.js'
import { systemRandom } from '#lib/random.js'
import { ManualClock } from '../support/clock.js'
import { DnsServer } from '../support/dns-server.js'
import { eventually } from '../support/wire.js'

/** Milliseconds that a DNS server has for one answer. */
export const patience = 2_000

/** A clock that notes the waits between look-ups: all timers but those for the patience with a server. */
export class NotingClock extends ManualClock {
  readonly waits: number[] = []

  override setTimeout(callback: () => void, delay: number): Timer {
    if (delay !== patience) this.waits.push(Math.round(delay))
    return super.setTimeout(callback, delay)
  }
}

/** Chance in the middle, for the jitter; ids are what they are. A TTL of 100 s is asked for again after 95 s. */
export const middling: Random = { next: () => 0.5, bytes: (size) => systemRandom.bytes(size) }

export function sourceOf(text: string): Source {
  const listed = parseListed(text)
  if (!isSource(listed)) throw new Error(`${text} is a server`)
  return listed.source
}

/** `http://10.0.0.1:80`, `http://10.0.0.1:80*3`, `http://10.0.0.1:80 backup`. */
export function foundText({ address, weight, backup }: Found): string {
  return `${address.id}${weight === 1 ? '' : `*${weight}`}${backup ? ' backup' : ''}`
}

export interface RigSettings {
  /** Default: the rig's own server. `system`: those of the system. */
  readonly servers?: readonly string[] | 'system'
  readonly hosts?: string
  readonly resolvConf?: string
  readonly random?: Random
}

/** A discovery with a clock that stands still and a DNS server on loopback. */
export class Rig {
  readonly clock: NotingClock = new NotingClock()
  readonly server: DnsServer
  readonly discovery: DnsDiscovery
  /** What was told, in its order. */
  readonly told: { readonly id: string; readonly servers: readonly string[] }[] = []
  readonly log: string[] = []
  /** Overwrites `/etc/hosts` of the rig. */
  readonly writeHosts: (text: string) => void

  static async start(t: TestContext, settings: RigSettings = {}): Promise<Rig> {
    const server = await DnsServer.start()
    const folder = mkdtempSync(join(tmpdir(), 'pointsman-dns-'))
    const rig = new Rig(server, folder, settings)
    t.after(async () => {
      rig.discovery.close()
      await server.close()
      rmSync(folder, { recursive: true })
    })
    return rig
  }

  private constructor(server: DnsServer, folder: string, settings: RigSettings) {
    const files = { hosts: join(folder, 'hosts'), resolvConf: join(folder, 'resolv.conf') }
    this.writeHosts = (text) => writeFileSync(files.hosts, text)
    this.writeHosts(settings.hosts ?? '')
    writeFileSync(files.resolvConf, settings.resolvConf ?? '')
    this.server = server
    this.discovery = new DnsDiscovery({
      clock: this.clock,
      random: settings.random ?? middling,
      logger: {
        info: (message) => this.log.push(`info ${message}`),
        warn: (message) => this.log.push(`warn ${message}`),
        error: (message) => this.log.push(`error ${message}`),
      },
      found: (source, servers) => this.told.push({ id: source.id, servers: servers.map(foundText) }),
      ...(settings.servers !== 'system' && { servers: settings.servers ?? [server.address] }),
      files,
    })
  }

  want(...sources: readonly string[]): void {
    this.discovery.want(sources.map(sourceOf))
  }

  /** The servers that were told last. */
  get last(): readonly string[] | undefined {
    return this.told.at(-1)?.servers
  }

  /** So many look-ups have ended since the beginning, of all sources. */
  async lookups(count: number): Promise<void> {
    await eventually(() => this.clock.waits.length >= count, `look-up ${count}; there were ${this.clock.waits.length}`)
  }

  /** Wants a source, and waits for the end of its first look-up. */
  async first(source: string): Promise<void> {
    this.want(source)
    await this.lookups(1)
  }

  /** Lets the wait for the next look-up pass, and waits for its end. There is one source only. */
  async next(): Promise<void> {
    const { waits } = this.clock
    const count = waits.length
    this.clock.advance(waits.at(-1)! + 1)
    await this.lookups(count + 1)
  }
}
