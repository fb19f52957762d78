/**
 * What a `ServerList` may name in place of a server: something that tells which servers there are, at any time anew.
 *
 * A pool knows of a source only what it is called. Whoever asks it (a resolver, a registry, the listener that workers dial
 * in to) hands what was found to the pool with `Pool.found`; it takes the place of what the same source told before.
 */

import { networkAddress, parseServer, parseWeight, type ServerAddress, type ServerSpec } from './address.js'
import type { HealthOptions } from './health-options.js'
import type { AdminState } from './member.js'

/** Something that tells which servers there are. */
export interface Source {
  /** As it is written, in its canonical form: `worker:api`, `dns:http://api.internal:80`, `srv:http://_http._tcp.api`. */
  readonly id: string
  /** `worker`: those that have dialled in. `dns`: the addresses of a name. `srv`: what the SRV records of a name say. */
  readonly kind: 'worker' | 'dns' | 'srv'
  /** Name of the service, `*` for any, or the name that is looked up. */
  readonly name: string
  /** Port of each server; 0 where the source tells it. */
  readonly port: number
  /** What the servers speak; `worker` of those. */
  readonly scheme: ServerAddress['scheme']
}

/** A source in a `ServerList`. */
export interface SourceSpec {
  readonly source: Source
  /** What the weights of its servers are multiplied with; `*3` behind it. */
  readonly weight: number
}

/** One item of a `ServerList`. */
export type Listed = ServerSpec | SourceSpec

/** The id of the source that every pool has without naming it: what machines share. */
export const registrySource = 'registry'

/** A server that a source has told of. */
export interface Found {
  readonly address: ServerAddress
  /** A whole number from 1 to 1000. Undefined: as the list says that names the server, or 1. */
  readonly weight: number | undefined
  /** Used only while no other is eligible. Undefined: as the list says that names the server, or no. */
  readonly backup: boolean | undefined
  /** Default: `up`. */
  readonly admin?: AdminState | undefined
  /** How it is checked, where that is another way than the pool's. */
  readonly health?: HealthOptions | undefined
}

export function isSource(item: Listed): item is SourceSpec {
  return 'source' in item
}

/** What tells an item apart from others. */
export function idOf(item: Listed): string {
  return isSource(item) ? item.source.id : item.address.id
}

/** The servers that a list names by themselves. */
export function namedServers(list: readonly Listed[]): readonly ServerSpec[] {
  return list.filter((item): item is ServerSpec => !isSource(item))
}

/** The sources that a list names. */
export function namedSources(list: readonly Listed[]): readonly SourceSpec[] {
  return list.filter(isSource)
}

/**
 * One item of a `ServerList`: a server as `parseServer` takes it, or `worker:NAME`, `dns:NAME:PORT`,
 * `dns:https://NAME:PORT`, `srv:NAME`, `srv:h2c://NAME`; `*3` behind it is its weight.
 *
 * @throws Error with a message for the author of the configuration.
 */
export function parseListed(text: string): Listed {
  const [, kind, rest] = /^(worker|dns|srv):(.*)$/i.exec(text) ?? []
  if (kind === undefined || rest === undefined || rest.includes(' ')) return parseServer(text)
  // `worker:*` is any service; behind it, as behind a name, there may be a weight.
  const [, location, digits] = /^(\*|[^*]*)(?:\*(.*))?$/.exec(rest) ?? []
  const weight = digits === undefined ? 1 : parseWeight(digits, text)
  switch (kind.toLowerCase()) {
    case 'worker':
      return { source: workerSource(location!, text), weight }
    case 'dns':
      return { source: dnsSource(location!, text), weight }
    default:
      return { source: srvSource(location!, text), weight }
  }
}

function workerSource(name: string, text: string): Source {
  if (!/^(?:[\w.-]{1,64}|\*)$/.test(name)) {
    const hint = name.includes('/') ? '; workers are listed by their service, as in worker:api' : ''
    throw new Error(`bad service "${name}" in "${text}"; it consists of letters, digits, ".", "_" and "-"${hint}`)
  }
  return { id: `worker:${name}`, kind: 'worker', name, port: 0, scheme: 'worker' }
}

function dnsSource(location: string, text: string): Source {
  const { id, scheme, host, port } = networkAddress(location, text)
  if (/^[\d.]+$/.test(host) || host.includes(':')) {
    throw new Error(`"${text}": ${host} is an address, and needs no DNS; leave "dns:" away`)
  }
  return { id: `dns:${id}`, kind: 'dns', name: host, port, scheme }
}

function srvSource(location: string, text: string): Source {
  const name = location.replace(/^[a-z0-9]+:\/\//i, '')
  if (/:/.test(name))
    throw new Error(`"${text}": an SRV record tells the port by itself; leave ":${name.split(':')[1]}" away`)
  // Any port will do: the scheme and the name are checked.
  const { scheme, host } = networkAddress(`${location}:1`, text)
  return { id: `srv:${scheme}://${host}`, kind: 'srv', name: host, port: 0, scheme }
}
