import { isIPv4, isIPv6 } from 'node:net'
import { domainToASCII } from 'node:url'

/** Where a server is, in a form that needs no further parsing. */
export interface ServerAddress {
  /**
   * The canonical form, equal for equal addresses however they were written: `http://10.0.0.1:80`,
   * `https://[::1]:8443`, `h2c://10.0.0.1:80`, `unix:/run/app.sock`, `worker:api/7f3a`. Servers are told apart, and share
   * their health, by it.
   */
  readonly id: string
  /**
   * `h2` and `h2c`: HTTP/2 over TLS, and without. `worker`: it has dialled in, and speaks HTTP/2. `tcp`: whatever it likes,
   * and only `tcp/` knows it.
   */
  readonly scheme: 'http' | 'https' | 'h2' | 'h2c' | 'unix' | 'worker' | 'tcp'
  /** Host name or IP address, without brackets; `SERVICE/INSTANCE` of a worker; empty for a Unix socket. */
  readonly host: string
  /** TCP port; 0 for a Unix socket and a worker. */
  readonly port: number
  /** Path of the Unix socket, or undefined. */
  readonly socketPath: string | undefined
  /** The server speaks TLS. */
  readonly secure: boolean
  /** What a `Host` header names this server: `10.0.0.1`, `[::1]:8443`; `localhost` for a Unix socket; the service of a worker. */
  readonly authority: string
}

/** One item of a `ServerList`. */
export interface ServerSpec {
  readonly address: ServerAddress
  /** A whole number from 1 to 1000; `*3` behind the address. */
  readonly weight: number
}

const defaultPorts = { http: 80, https: 443, h2: 443, h2c: 80 } as const
const knownSchemes = [...Object.keys(defaultPorts), 'unix'].join(', ')

function isNetworkScheme(scheme: string): scheme is keyof typeof defaultPorts {
  return Object.hasOwn(defaultPorts, scheme)
}

/**
 * A server as a `ServerList` names it: `10.0.0.1:80`, `host` (port 80), `[::1]:80`, `http://h:80`, `https://h`,
 * `h2c://h:80`, `h2://h`, `unix:/run/app.sock`; `*3` behind any of them is its weight. A worker that has dialled in is
 * `worker:SERVICE/INSTANCE`.
 *
 * @throws Error with a message for the author of the configuration.
 */
export function parseServer(text: string): ServerSpec {
  if (text === '') throw new Error('an empty server address')
  if (/\s/.test(text)) throw new Error(`bad server address "${text}": it contains a space`)
  const isUnix = /^unix:/i.test(text)
  // The path of a socket may contain an asterisk; there, only digits make a weight of what follows it.
  const weighted = (isUnix ? /^(.*)\*(\d+)$/ : /^([^*]*)\*(.*)$/).exec(text)
  const address = weighted?.[1] ?? text
  const worker = /^worker:([^/]*)\/(.*)$/i.exec(address)
  return {
    address:
      worker !== null
        ? workerAddress(worker[1]!, worker[2]!)
        : isUnix
          ? unixAddress(address.slice('unix:'.length), text)
          : networkAddress(address, text),
    weight: weighted === null ? 1 : parseWeight(weighted[2]!, text),
  }
}

/** A weight. @throws Error naming `text`, the whole of what was written. */
export function parseWeight(digits: string, text: string): number {
  const weight = /^\d+$/.test(digits) ? Number(digits) : 0
  if (weight < 1 || weight > 1000) {
    throw new Error(`bad weight "${digits}" in "${text}"; a weight is a whole number from 1 to 1000`)
  }
  return weight
}

function unixAddress(rest: string, text: string): ServerAddress {
  // `unix:///run/app.sock` is the same file written as a URL.
  const socketPath = rest.startsWith('//') ? rest.slice(2) : rest
  if (!socketPath.startsWith('/')) {
    throw new Error(`bad server address "${text}"; the path of a socket is absolute, as in unix:/run/app.sock`)
  }
  return {
    id: `unix:${socketPath}`,
    scheme: 'unix',
    host: '',
    port: 0,
    socketPath,
    secure: false,
    authority: 'localhost',
  }
}

/** A name that services and their instances can have. */
const workerName = /^[\w.-]{1,64}$/

/**
 * Where one worker is: at the end of the connection that it has opened. Both names consist of letters, digits, `.`, `_`
 * and `-`, at most 64 of them.
 *
 * @throws Error naming the bad name.
 */
export function workerAddress(service: string, instance: string): ServerAddress {
  for (const [what, name] of [
    ['service', service],
    ['instance', instance],
  ]) {
    if (workerName.test(name!)) continue
    throw new Error(`bad name of a worker's ${what}: "${name}"; it consists of letters, digits, ".", "_" and "-"`)
  }
  const host = `${service}/${instance}`
  return {
    id: `worker:${host}`,
    scheme: 'worker',
    host,
    port: 0,
    socketPath: undefined,
    secure: false,
    authority: service,
  }
}

/** Where a server of the network is, from a text without weight. @throws Error naming `text`, the whole of what was written. */
export function networkAddress(address: string, text: string): ServerAddress {
  const url = /^([^:/]*):\/\/(.*)$/.exec(address)
  const scheme = url === null ? 'http' : url[1]!.toLowerCase()
  if (!isNetworkScheme(scheme)) {
    throw new Error(`unknown scheme "${url?.[1]}" in "${text}"; known schemes: ${knownSchemes}`)
  }
  const location = url?.[2] ?? address
  if (location.includes('@')) throw new Error(`credentials are not allowed in a server address: "${text}"`)
  const extra = /[/?#]/.exec(location)
  if (extra !== null) {
    const what = extra[0] === '/' ? 'a path' : extra[0] === '?' ? 'a query' : 'a fragment'
    throw new Error(`"${text}" has ${what}, but a server is an address only; AddPrefix puts a path before requests`)
  }
  const { host, port } = parseLocation(location, defaultPorts[scheme], text)
  const written = host.includes(':') ? `[${host}]` : host
  return {
    id: `${scheme}://${written}:${port}`,
    scheme,
    host,
    port,
    socketPath: undefined,
    secure: scheme === 'https' || scheme === 'h2',
    authority: port === defaultPorts[scheme] ? written : `${written}:${port}`,
  }
}

/**
 * `host`, `host:port`, `[address]`, `[address]:port`; the host in its canonical form, without brackets.
 *
 * @throws Error naming `text`, the whole of what was written.
 */
export function parseLocation(
  location: string,
  defaultPort: number | undefined,
  text: string,
  lowestPort = 1,
): { host: string; port: number } {
  if (isIPv6(location)) throw new Error(`"${text}": an IPv6 address stands in brackets, as in [${location}]:80`)
  const match = /^(\[[^\]]*\]|[^:[\]]*)(?::([^:]*))?$/.exec(location)
  if (match === null) {
    const bare = location.slice(0, location.lastIndexOf(':'))
    const hint = isIPv6(bare) ? `; an IPv6 address stands in brackets, as in [${bare}]:80` : ''
    throw new Error(`bad server address "${text}"${hint}`)
  }
  const [, name, digits] = match
  if (name === '') throw new Error(`the host is missing in "${text}"`)
  if (digits === undefined && defaultPort === undefined) throw new Error(`the port is missing in "${text}"`)
  const port = digits === undefined ? defaultPort! : parsePort(digits, text, lowestPort)
  return { host: canonicalHost(name!, text), port }
}

/** A TCP port. @throws Error naming `text`, the whole of what was written. */
export function parsePort(digits: string, text: string, lowest = 1): number {
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : -1
  if (port < lowest || port > 65535) {
    throw new Error(`bad port "${digits}" in "${text}"; a port is a number from ${lowest} to 65535`)
  }
  return port
}

function canonicalHost(name: string, text: string): string {
  if (name.startsWith('[')) {
    const address = name.slice(1, -1)
    if (!isIPv6(address)) throw new Error(`bad IPv6 address "${address}" in "${text}"`)
    // The URL parser knows the canonical form (RFC 5952), but no zones, as in fe80::1%eth0.
    return address.includes('%') ? address : new URL(`http://[${address}]`).hostname.slice(1, -1)
  }
  if (/^[\d.]+$/.test(name)) {
    if (isIPv4(name)) return name
    throw new Error(`bad IPv4 address "${name}" in "${text}"`)
  }
  const host = domainToASCII(name)
  if (host === '' || host.length > 253 || !/^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?$/.test(host)) {
    throw new Error(`bad host "${name}" in "${text}"`)
  }
  return host
}
