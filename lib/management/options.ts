import { isIPv4 } from 'node:net'
import { type Contradiction, type OptionTable, show, ValueProblem } from '../config/section.js'
import { boolean, optional, scalar, text } from '../config/types.js'
import { parseLocation, parsePort } from '../pool/address.js'

/** The management API: the public form of `[MANAGEMENT]`. */
export interface ManagementConfig {
  /** `8687` (of 127.0.0.1), `127.0.0.1:8687`, `[::1]:8687`, `unix:/run/p.sock`; `*:8687`: all addresses. Default: off. */
  listen?: string | number | false
  /** What calls carry in `Authorization: Bearer`. Needed where other machines can connect. Default: none. */
  token?: string | false
  /** The page at `/dashboard`. Default: true. */
  dashboard?: boolean | string
}

/** Where the management API listens. */
export interface ManagementAddress {
  /** Empty: all addresses of the machine. Empty for a Unix socket too. */
  readonly host: string
  /** 0: any free port. 0 for a Unix socket too. */
  readonly port: number
  /** Path of a Unix socket, or undefined. */
  readonly socketPath: string | undefined
}

/** The management API. */
export interface ManagementOptions {
  /** Undefined: there is none. */
  readonly listen: ManagementAddress | undefined
  readonly token: string | undefined
  readonly dashboard: boolean
}

/** The keys of `[MANAGEMENT]`. */
export const managementTable: OptionTable<ManagementConfig, ManagementOptions> = {
  listen: {
    key: 'Listen',
    type: optional(
      scalar<string, ManagementAddress>({
        describe: 'address',
        fromText: (value) => value,
        fromValue(value) {
          if (typeof value !== 'number') throw new ValueProblem(`expected an address, not ${show(value)}`)
          return String(value)
        },
        resolve: parseManagementAddress,
      }),
    ),
    scope: 'own',
    doc: 'Where the API listens: `8687` (of 127.0.0.1), `[::1]:8687`, `*:8687` (all addresses), `unix:/run/p.sock`.',
    defaultText: 'off',
  },
  token: {
    key: 'Token',
    type: optional(text('text', checkToken)),
    scope: 'own',
    doc: 'What each call has to carry, as `Authorization: Bearer TOKEN`. Needed where other machines can connect.',
    defaultText: 'none',
  },
  dashboard: {
    key: 'Dashboard',
    type: boolean,
    default: true,
    scope: 'own',
    doc: 'The page at `/dashboard`.',
  },
}

/** What the options of `[MANAGEMENT]` contradict each other in. */
export function managementContradictions({ listen, token }: ManagementOptions): readonly Contradiction[] {
  if (listen === undefined || token !== undefined || isLoopback(listen)) return []
  const where = listen.host === '' ? `all addresses, port ${listen.port}` : `${listen.host}, port ${listen.port}`
  const message = `Listen on ${where}: other machines could connect; set Token, or listen on 127.0.0.1:${listen.port}`
  return [{ option: 'listen', message }]
}

/** An address to listen at. Throws an Error with a message for the author of the configuration. */
export function parseManagementAddress(value: string): ManagementAddress {
  if (/^unix:/i.test(value)) {
    const socketPath = value.slice('unix:'.length).replace(/^\/\//, '')
    if (!socketPath.startsWith('/')) {
      throw new Error(`bad address "${value}"; the path of a socket is absolute, as in unix:/run/p.sock`)
    }
    return { host: '', port: 0, socketPath }
  }
  if (/^https:/i.test(value)) {
    throw new Error(`"${value}": the management API speaks no TLS; listen on 127.0.0.1, behind an entry or a tunnel`)
  }
  const location = value.replace(/^http:\/\//i, '')
  if (/[@/?#]/.test(location)) {
    throw new Error(`bad address "${value}"; it consists of a host and a port, as in 127.0.0.1:8687`)
  }
  const [, everywhere, digits] = /^(\*?:)?(\d+)$/.exec(location) ?? []
  if (digits !== undefined) {
    const host = everywhere === undefined ? '127.0.0.1' : ''
    return { host, port: parsePort(digits, value, 0), socketPath: undefined }
  }
  return { ...parseLocation(location, undefined, value, 0), socketPath: undefined }
}

/** As a URL that can be opened, as far as there is one; `bound` is the port that was given for port 0. */
export function formatManagementAddress({ host, port, socketPath }: ManagementAddress, bound: number = port): string {
  if (socketPath !== undefined) return `unix:${socketPath}`
  if (host === '') return `http://localhost:${bound}`
  return `http://${host.includes(':') ? `[${host}]` : host}:${bound}`
}

/** Only programs of this machine can connect. */
export function isLoopback({ host, socketPath }: ManagementAddress): boolean {
  return socketPath !== undefined || isLoopbackName(host)
}

/** A name or address, in lower case and without brackets, that always means this machine. */
export function isLoopbackName(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}

/** What can stand behind `Bearer` (RFC 6750 §2.1). */
function checkToken(token: string): void {
  if (!/^[\w.~+/-]+=*$/.test(token)) {
    // The token itself is a secret, and stays out of the message.
    throw new ValueProblem(
      'a token consists of letters, digits, "-", ".", "_", "~", "+" and "/", as "openssl rand -hex 32" writes',
    )
  }
}
