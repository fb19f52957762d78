/**
 * Where a service of the proxy's own listens: the management API, the address that workers dial. Unlike the addresses of
 * `[LISTEN]`, a bare port is one of 127.0.0.1: what other machines are to reach has to be said.
 */

import { isIPv4 } from 'node:net'
import { ValueProblem } from '../config/section.js'
import { parseLocation, parsePort } from './address.js'

export interface ServiceAddress {
  /** Empty: all addresses of the machine. Empty for a Unix socket too. */
  readonly host: string
  /** 0: any free port. 0 for a Unix socket too. */
  readonly port: number
  /** Path of a Unix socket, or undefined. */
  readonly socketPath: string | undefined
}

/**
 * `8687` (of 127.0.0.1), `127.0.0.1:8687`, `[::1]:8687`, `*:8687` (all addresses), `unix:/run/p.sock`. `noTls` is what to
 * do instead of writing `https:`; `example` an address for messages.
 *
 * @throws Error with a message for the author of the configuration.
 */
export function parseServiceAddress(value: string, noTls: string, example: string): ServiceAddress {
  if (/^unix:/i.test(value)) {
    const socketPath = value.slice('unix:'.length).replace(/^\/\//, '')
    if (!socketPath.startsWith('/')) {
      throw new Error(`bad address "${value}"; the path of a socket is absolute, as in unix:/run/p.sock`)
    }
    return { host: '', port: 0, socketPath }
  }
  if (/^https:/i.test(value)) throw new Error(`"${value}": ${noTls}`)
  const location = value.replace(/^http:\/\//i, '')
  if (/[@/?#]/.test(location)) {
    throw new Error(`bad address "${value}"; it consists of a host and a port, as in ${example}`)
  }
  const [, everywhere, digits] = /^(\*?:)?(\d+)$/.exec(location) ?? []
  if (digits !== undefined) {
    const host = everywhere === undefined ? '127.0.0.1' : ''
    return { host, port: parsePort(digits, value, 0), socketPath: undefined }
  }
  return { ...parseLocation(location, undefined, value, 0), socketPath: undefined }
}

/** As a URL that can be opened, as far as there is one; `bound` is the port that was given for port 0. */
export function formatServiceAddress(
  { host, port, socketPath }: ServiceAddress,
  bound: number = port,
  scheme: 'http' | 'https' = 'http',
): string {
  if (socketPath !== undefined) return `unix:${socketPath}`
  if (host === '') return `${scheme}://localhost:${bound}`
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${bound}`
}

/** What an address without a token is told: other machines could connect. Undefined when only this machine can. */
export function openToOthers(address: ServiceAddress): string | undefined {
  if (isLoopback(address)) return undefined
  const { host, port } = address
  const where = host === '' ? `all addresses, port ${port}` : `${host}, port ${port}`
  return `Listen on ${where}: other machines could connect; set Token, or listen on 127.0.0.1:${port}`
}

/** Only programs of this machine can connect. */
export function isLoopback({ host, socketPath }: ServiceAddress): boolean {
  return socketPath !== undefined || isLoopbackName(host)
}

/** A name or address, in lower case and without brackets, that always means this machine. */
export function isLoopbackName(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}

/** What can stand behind `Bearer` (RFC 6750 §2.1). */
export function isBearerToken(token: string): boolean {
  return /^[\w.~+/-]+=*$/.test(token)
}

/** For the type of a `Token`. @throws ValueProblem */
export function checkToken(token: string): void {
  if (!isBearerToken(token)) {
    // The token itself is a secret, and stays out of the message.
    throw new ValueProblem(
      'a token consists of letters, digits, "-", ".", "_", "~", "+" and "/", as "openssl rand -hex 32" writes',
    )
  }
}

/** Why a service cannot listen, in words for whoever starts the proxy. `service`: `the management API`. */
export function serviceListenProblem(service: string, address: ServiceAddress, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException
  const where = formatServiceAddress(address)
  return new Error(`${service} cannot listen on ${where}: ${reason(address, code) ?? message}`, { cause: error })
}

function reason({ host, port, socketPath }: ServiceAddress, code: string | undefined): string | undefined {
  switch (code) {
    case 'EADDRINUSE':
      return socketPath === undefined
        ? `the address is in use; take another port, or "ss -ltnp sport = :${port}" shows by which process`
        : 'the file exists; another process listens there, or one that died has left it behind'
    case 'EACCES':
      return 'permission denied'
    case 'EADDRNOTAVAIL':
      return `this machine has no address ${host}`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `no address is known for the name ${host}`
    case 'ENOENT':
      return 'its folder does not exist'
    default:
      return undefined
  }
}
