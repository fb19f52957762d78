/** Where a registry is: the value of `Registry`. */

import { parseLocation } from '../pool/address.js'

/** Where a registry is. */
export interface RegistryAddress {
  /** With TLS: `etcds`. */
  readonly secure: boolean
  /** The members of the cluster, in the order in which they are tried. */
  readonly endpoints: readonly RegistryEndpoint[]
  /** Keys begin with it; without slashes at its ends. */
  readonly prefix: string
  /** Undefined: nobody in particular. */
  readonly user: string | undefined
  readonly password: string | undefined
}

export interface RegistryEndpoint {
  /** Host name or IP address, without brackets. */
  readonly host: string
  readonly port: number
}

const defaultPort = 2379
const example = 'etcd://10.0.0.1:2379/pointsman'

/**
 * `etcd://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/PREFIX`, or `etcds://` for TLS; the port is 2379 unless it is given.
 * What is special in a URL is percent-encoded in user and password.
 *
 * @throws Error with a message for the author of the configuration, in which the password does not occur.
 */
export function parseRegistryAddress(text: string): RegistryAddress {
  const shown = withoutPassword(text)
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text) ?? []
  if (scheme === undefined || !/^etcds?$/i.test(scheme)) {
    throw new Error(`bad address "${shown}"; a registry is written as in ${example}, with "etcds:" for TLS`)
  }
  // The last "@", so that a password that is not encoded is not taken for a host and shown.
  const [, credentials, hosts = '', path = ''] = /^(?:(.*)@)?([^/]*)(.*)$/.exec(rest!) ?? []
  if (/[?#\s]/.test(`${hosts}${path}`)) throw new Error(`bad address "${shown}"; nothing stands behind the prefix`)
  if (hosts === '') throw new Error(`the host is missing in "${shown}"`)
  const prefix = path.replace(/^\/+|\/+$/g, '')
  if (prefix === '') throw new Error(`the prefix of the keys is missing in "${shown}", as in ${example}`)
  const endpoints = hosts.split(',').map((location) => parseLocation(location, defaultPort, shown))
  return { secure: /s$/i.test(scheme), endpoints, prefix, ...parseCredentials(credentials, shown) }
}

/** The address as it may be shown: no user, no password. */
export function formatRegistryAddress({ secure, endpoints, prefix }: RegistryAddress): string {
  return `${secure ? 'etcds' : 'etcd'}://${endpoints.map(formatEndpoint).join(',')}/${prefix}`
}

export function formatEndpoint({ host, port }: RegistryEndpoint): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** What was written, without user and password; still an address. */
export function withoutCredentials(text: string): string {
  return text.replace(/^([^/]*\/\/).*@/, '$1')
}

/** What was written, with `***` for the password. */
export function withoutPassword(text: string): string {
  return text.replace(/^([^/]*\/\/[^:@/]*):.*@/, '$1:***@')
}

function parseCredentials(
  credentials: string | undefined,
  shown: string,
): { user: string | undefined; password: string | undefined } {
  if (credentials === undefined) return { user: undefined, password: undefined }
  const colon = credentials.indexOf(':')
  if (colon < 1) throw new Error(`bad address "${shown}"; a user has a password: etcd://USER:PASSWORD@HOST/PREFIX`)
  try {
    const [user, password] = [credentials.slice(0, colon), credentials.slice(colon + 1)].map(decodeURIComponent)
    return { user, password }
  } catch {
    throw new Error(`bad user or password in "${shown}"; a "%" is written as %25`)
  }
}
