/**
 * What the machine itself says about names: `/etc/hosts`, and the search list of `/etc/resolv.conf`. Both are read again
 * when they change, as containers and DHCP clients write them at any time.
 */

import { readFile, stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'

/** Addresses by name, in lower case. */
export type Hosts = ReadonlyMap<string, readonly string[]>

/** How names are completed (resolv.conf(5)). */
export interface SearchList {
  /** Domains, without a dot at the end. */
  readonly domains: readonly string[]
  /** A name with fewer dots is completed before it is asked for as it stands. */
  readonly ndots: number
}

export interface SystemNames {
  readonly hosts: Hosts
  readonly search: SearchList
}

/** Where the machine keeps its names. */
export interface SystemFiles {
  readonly hosts: string
  /** Missing on Windows, where names are not completed. */
  readonly resolvConf: string
}

export const systemFiles: SystemFiles = {
  hosts:
    process.platform === 'win32'
      ? join(process.env.SystemRoot ?? 'C:\\Windows', 'System32', 'drivers', 'etc', 'hosts')
      : '/etc/hosts',
  resolvConf: '/etc/resolv.conf',
}

/** The names of the machine, as its files say at the moment. */
export class SystemNamesReader {
  readonly #hosts: CachedFile<Hosts>
  readonly #search: CachedFile<SearchList>

  constructor({ hosts, resolvConf }: SystemFiles) {
    this.#hosts = new CachedFile(hosts, parseHosts)
    this.#search = new CachedFile(resolvConf, parseSearchList)
  }

  async read(): Promise<SystemNames> {
    const [hosts, search] = await Promise.all([this.#hosts.read(), this.#search.read()])
    return { hosts, search }
  }
}

/** A file that is parsed again only when it has changed; one that cannot be read is empty. */
class CachedFile<T> {
  readonly #path: string
  readonly #parse: (text: string) => T
  #state = ''
  #value: T

  constructor(path: string, parse: (text: string) => T) {
    this.#path = path
    this.#parse = parse
    this.#value = parse('')
  }

  async read(): Promise<T> {
    const state = await this.#currentState()
    if (state !== this.#state) {
      const text = await readFile(this.#path, 'utf8').catch(() => '')
      this.#value = this.#parse(text)
      this.#state = state
    }
    return this.#value
  }

  async #currentState(): Promise<string> {
    try {
      const { ino, size, mtimeMs, ctimeMs } = await stat(this.#path)
      return `${ino} ${size} ${mtimeMs} ${ctimeMs}`
    } catch {
      return 'missing'
    }
  }
}

/** hosts(5): an address and its names on each line. */
export function parseHosts(text: string): Hosts {
  const hosts = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [address = '', ...names] = fieldsOf(line)
    if (isIP(address) === 0) continue
    for (const name of names) {
      const key = name.toLowerCase().replace(/\.$/, '')
      const addresses = hosts.get(key) ?? []
      if (!addresses.includes(address)) hosts.set(key, [...addresses, address])
    }
  }
  return hosts
}

/** `search`, or its older form `domain` (the last one counts), and `options ndots:N`. */
export function parseSearchList(text: string): SearchList {
  let domains: readonly string[] = []
  let ndots = 1
  for (const line of text.split('\n')) {
    const [keyword, ...values] = fieldsOf(line)
    if (keyword === 'search') domains = values
    else if (keyword === 'domain') domains = values.slice(0, 1)
    else if (keyword === 'options') {
      const digits = values.map((value) => /^ndots:(\d+)$/.exec(value)?.[1]).findLast((found) => found !== undefined)
      if (digits !== undefined) ndots = Math.min(15, Number(digits))
    }
  }
  return { domains: domains.map((domain) => domain.toLowerCase().replace(/\.$/, '')).filter(Boolean), ndots }
}

function fieldsOf(line: string): string[] {
  return line
    .replace(/[#;].*/, '')
    .trim()
    .split(/\s+/)
}

/**
 * The names to ask for, in this order, as every program of the machine does it (resolv.conf(5)): a name with a dot at its
 * end is complete; one with at least `ndots` dots is asked for as it stands first, any other last.
 */
export function completions(name: string, { domains, ndots }: SearchList): readonly string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)]
  const completed = domains.map((domain) => `${name}.${domain}`)
  const dots = name.split('.').length - 1
  return dots >= ndots ? [name, ...completed] : [...completed, name]
}

/** What the machine says about a name without asking DNS; undefined: nothing. */
export function hostAddresses(name: string, hosts: Hosts): readonly string[] | undefined {
  const key = name.toLowerCase().replace(/\.$/, '')
  const isLocal = key === 'localhost' || key.endsWith('.localhost')
  // Never asked for over the network (RFC 6761 §6.3).
  return hosts.get(key) ?? (isLocal ? ['127.0.0.1', '::1'] : undefined)
}
