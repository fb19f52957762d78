/** Ready routes. */

import { show } from '../config/section.js'
import type { TcpConnection } from './client.js'
import type { Decision, Route } from './decision.js'
import { TcpPool } from './pool.js'
import { parseRemote } from './remote.js'
import { tlsServerName } from './sniff.js'

/** Where a name leads: to a server, or to a pool. */
export type Target = string | TcpPool

/**
 * Routes TLS connections by the name that the client asks for (SNI), without decrypting anything:
 *
 *     createTcpRouter(routeByServerName({ 'git.example.org': '10.0.0.1:443', '*.example.org': pool, '*': '10.0.0.9:443' }))
 *
 * A whole name comes before `*.` in front of a part of it, of which the longest counts, and `*` takes what is left: other
 * names, clients that ask for none, and connections that are no TLS. What nothing takes is closed.
 *
 * @throws {TypeError} naming what is wrong in the table
 */
export function routeByServerName(targets: Readonly<Record<string, Target>>): Route {
  const table = new Map<string, Target>()
  for (const [name, target] of Object.entries(targets)) {
    if (!/^(?:\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)$/i.test(name)) {
      throw new TypeError(`${show(name)} is no server name; write git.example.org, *.example.org or *`)
    }
    checkTarget(name, target)
    table.set(name.toLowerCase(), target)
  }
  return (data) => {
    const name = tlsServerName(data)
    if (name === 'more') return { noop: true }
    const remote = lookUp(table, name)
    return remote === undefined ? { close: true } : { remote }
  }
}

function checkTarget(name: string, target: unknown): void {
  if (target instanceof TcpPool) return
  if (typeof target !== 'string') throw new TypeError(`${name} leads to ${show(target)}; it is host:port or a pool`)
  try {
    parseRemote(target)
  } catch (error) {
    throw new TypeError(`${name}: ${(error as Error).message}`, { cause: error })
  }
}

function lookUp(table: ReadonlyMap<string, Target>, name: string | undefined): Target | undefined {
  if (name !== undefined) {
    const whole = table.get(name)
    if (whole !== undefined) return whole
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      const found = table.get(`*${name.slice(dot)}`)
      if (found !== undefined) return found
    }
  }
  return table.get('*')
}

/** What a SOCKS client asks for. */
export interface Socks4Request {
  /** An IPv4 address, or the name that a client of version 4a leaves to the proxy. */
  readonly host: string
  readonly port: number
  /** The user's name as the client gives it. Nobody has checked it. */
  readonly user: string
}

/** Settings of {@link routeSocks4}. */
export interface Socks4Options {
  /**
   * Says whether a client may go where it wants to, or where else: true, false, or another target. Without it, clients may
   * go anywhere that the proxy can reach, its own machine and network included.
   */
  readonly allow?: (
    request: Socks4Request,
    connection: TcpConnection,
  ) => boolean | Target | PromiseLike<boolean | Target>
}

const granted = Uint8Array.of(0, 0x5a, 0, 0, 0, 0, 0, 0)
const rejected = Uint8Array.of(0, 0x5b, 0, 0, 0, 0, 0, 0)
const connectCommand = 1
/** Of a user's and of a host's name, in bytes. */
const longestText = 255

/** A proxy for SOCKS 4 and 4a. A request that is no `CONNECT`, or not allowed, is rejected. */
export function routeSocks4({ allow = () => true }: Socks4Options = {}): Route {
  return (data, connection) => {
    const parsed = parseSocks4(data)
    if (parsed === 'more') return { noop: true }
    if (parsed === undefined) return { close: rejected }
    const { request, length } = parsed
    const decide = (answer: boolean | Target): Decision => {
      if (answer === false) return { close: rejected }
      const remote = answer === true ? `${request.host}:${request.port}` : answer
      return { remote, data: data.subarray(length), reply: granted, refusal: rejected }
    }
    const answer = allow(request, connection)
    return typeof answer === 'object' && 'then' in answer ? answer.then(decide) : decide(answer)
  }
}

/** The request at the beginning of `data`; undefined when it is none that can be granted. */
function parseSocks4(data: Buffer): { request: Socks4Request; length: number } | undefined | 'more' {
  const [version, command] = data
  if ((version !== undefined && version !== 4) || (command !== undefined && command !== connectCommand))
    return undefined
  if (data.length < 9) return 'more'
  const port = data.readUInt16BE(2)
  const user = readText(data, 8)
  if (typeof user !== 'object') return user
  // 0.0.0.x with x > 0: version 4a, a name follows.
  const isNamed = data.readUInt32BE(4) > 0 && data.readUInt32BE(4) < 256
  const host = isNamed ? readText(data, user.end) : { text: data.subarray(4, 8).join('.'), end: user.end }
  if (typeof host !== 'object') return host
  if (port === 0 || !/^[a-z0-9._-]+$/i.test(host.text)) return undefined
  return { request: { host: host.text, port, user: user.text }, length: host.end }
}

/** Text that a zero ends. */
function readText(data: Buffer, from: number): { text: string; end: number } | undefined | 'more' {
  const zero = data.indexOf(0, from)
  if (zero < 0) return data.length - from > longestText ? undefined : 'more'
  if (zero - from > longestText) return undefined
  return { text: data.toString('latin1', from, zero), end: zero + 1 }
}
