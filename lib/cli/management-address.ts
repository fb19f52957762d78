/** Where the management API of a running proxy is. */

import { existsSync } from 'node:fs'
import { type Arguments, CommandError, UsageError } from './command.js'
import { configFile, load } from './configuration.js'

/** Where `start` has the API when there is no configuration file. */
const defaultUrl = 'http://127.0.0.1:8687'

/** A management API, and what opens it. */
export interface ManagementTarget {
  /** `http://127.0.0.1:8687`, `https://proxy.example.com/manage`, `unix:/run/p.sock`. */
  readonly url: string
  readonly token: string | undefined
}

/** What `[MANAGEMENT]` of a configuration says. */
export interface ConfiguredManagement {
  /** Empty: all addresses of the machine. Empty for a Unix socket too. */
  readonly host: string
  readonly port: number
  /** Path of a Unix socket, or undefined. */
  readonly socketPath: string | undefined
  readonly token: string | undefined
}

/** `[MANAGEMENT]` of a file; undefined: it has no API. */
export function configuredManagement(file: string): ConfiguredManagement | undefined {
  const { listen, token } = load(file).resolved.management
  return listen === undefined ? undefined : { ...listen, token }
}

/**
 * The API that a command means: that of `--url`, or that of the configuration file, or the default. `configured` reads
 * `[MANAGEMENT]` of a file; undefined: it has none.
 */
export function managementAddress(
  args: Arguments,
  configured?: (file: string) => ConfiguredManagement | undefined,
): ManagementTarget {
  const url = args.text('url')
  const token = args.text('token')
  const named = args.text('config') !== undefined
  if (url !== undefined && !named) return { url: parseUrl(url), token }
  const file = named || existsSync('proxy.conf') ? configFile(args) : undefined
  const section = file === undefined ? undefined : configured?.(file)
  if (url !== undefined) return { url: parseUrl(url), token: token ?? section?.token }
  if (section !== undefined) return { url: urlOf(section, file!), token: token ?? section.token }
  if (named && configured !== undefined) {
    throw new CommandError(`${file}: there is no Listen in [MANAGEMENT]; an address is named with --url`)
  }
  return { url: defaultUrl, token }
}

/** As a client of this machine reaches it. */
function urlOf({ host, port, socketPath }: ConfiguredManagement, file: string): string {
  if (socketPath !== undefined) return `unix:${socketPath}`
  if (port === 0) {
    throw new CommandError(`${file}: the port of [MANAGEMENT] is 0, so that the system chose one; name it with --url`)
  }
  if (host === '' || host === '0.0.0.0') return `http://127.0.0.1:${port}`
  if (host === '::') return `http://[::1]:${port}`
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** A URL as it was given: `8687`, `127.0.0.1:8687` and `unix:/run/p.sock` are ones as well. */
function parseUrl(text: string): string {
  if (/^unix:/i.test(text)) {
    const path = text.slice('unix:'.length).replace(/^\/\//, '')
    if (!path.startsWith('/')) throw new UsageError(`--url: the path of a socket is absolute, as in unix:/run/p.sock`)
    return `unix:${path}`
  }
  const whole = /^\d+$/.test(text) ? `http://127.0.0.1:${text}` : text.includes('://') ? text : `http://${text}`
  const url = URL.canParse(whole) ? new URL(whole) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    throw new UsageError(`--url: "${text}" is no address, as http://127.0.0.1:8687 or unix:/run/p.sock`)
  }
  if (url.username !== '' || url.password !== '') throw new UsageError('--url: a token is given with --token')
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}
