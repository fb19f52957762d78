/** Addresses at which two parts of a configuration want to listen, and names that two TCP entries want to have. */

import { listenKey, type TcpListenAddress } from '../tcp/listen-address.js'
import { type Diagnostics, formatPlace, type Place } from './diagnostics.js'
import { sectionTitle } from './ini.js'
import type { ResolvedTcpEntry } from './resolved.js'
import { tcpSchema } from './schema.js'

type Location = Omit<TcpListenAddress, 'scheme'>

/** An address that is taken by something else than a TCP entry. */
export interface TakenAddress {
  readonly address: Location
  /** `an Address of [LISTEN] at proxy.conf:3:9`. */
  readonly what: string
}

/** The address of a TCP entry. */
interface Taking {
  readonly entry: ResolvedTcpEntry
  readonly address: TcpListenAddress
  readonly place: Place
}

/** Tells every clash at the later of the two places, and names the other one. */
export function checkTcpAddresses(
  entries: readonly ResolvedTcpEntry[],
  taken: readonly TakenAddress[],
  diagnostics: Diagnostics,
): void {
  const checker = new Checker(taken, diagnostics)
  for (const entry of entries) {
    entry.options.listen.forEach((address, at) => {
      checker.take({ entry, address, place: entry.listenPlaces[at]! })
    })
  }
}

class Checker {
  readonly #taken: readonly TakenAddress[]
  readonly #diagnostics: Diagnostics
  readonly #takings: Taking[] = []
  /** Where each name of each address stands. */
  readonly #names = new Map<string, { readonly entry: ResolvedTcpEntry; readonly place: Place }>()

  constructor(taken: readonly TakenAddress[], diagnostics: Diagnostics) {
    this.#taken = taken
    this.#diagnostics = diagnostics
  }

  take(taking: Taking): void {
    const { entry, address, place } = taking
    const other = this.#taken.find((each) => overlap(each.address, address))
    if (other !== undefined) this.#tell(taking, place, `${textOf(address)} is also ${other.what}`)
    const key = listenKey(address)
    const known = this.#takings.find((each) => listenKey(each.address) === key || overlap(each.address, address))
    if (known !== undefined && listenKey(known.address) !== key) {
      const message = `${textOf(address)} overlaps with ${textOf(known.address)} at ${formatPlace(known.place)}`
      this.#tell(taking, place, message)
    } else if (known?.entry === entry) {
      this.#tell(taking, place, `${textOf(address)} is listed twice`)
    } else this.#share(taking)
    this.#takings.push(taking)
  }

  /** Others may have the same address, if a connection can be for one of them alone. */
  #share(taking: Taking): void {
    const { entry, address, place } = taking
    const key = listenKey(address)
    const others = this.#takings.filter((each) => listenKey(each.address) === key)
    const { serverName, acceptProxyProtocol } = entry.options
    const unlike = others.find(({ entry: { options } }) => options.acceptProxyProtocol !== acceptProxyProtocol)
    if (unlike !== undefined) {
      const [here, there] = acceptProxyProtocol ? ['On', 'Off'] : ['Off', 'On']
      const where = formatPlace(unlike.place)
      const message = `${textOf(address)} is shared with the entry at ${where}, which has AcceptProxyProtocol ${there}, not ${here}`
      this.#tell(taking, place, message)
    }
    const rest = others.find((each) => each.entry.options.serverName === undefined)
    if (serverName === undefined && rest !== undefined) {
      const where = formatPlace(rest.place)
      const message = `${textOf(address)} is taken by the entry at ${where}; entries of one address are told apart by ServerName`
      this.#tell(taking, place, message)
    }
    serverName?.forEach(({ text }, at) => {
      const name = `${key} ${text.toLowerCase()}`
      const first = this.#names.get(name)
      const here = entry.namePlaces[at]!
      if (first === undefined) this.#names.set(name, { entry, place: here })
      else if (first.entry !== entry) {
        const message = `"${text}" at ${textOf(address)} is taken by the entry at ${formatPlace(first.place)}`
        this.#tell(taking, here, message)
      }
    })
  }

  #tell({ entry: { name, isLabelled } }: Taking, place: Place, message: string): void {
    this.#diagnostics.add(place, sectionTitle(tcpSchema.name, isLabelled ? name : ''), message)
  }
}

/** Nobody can listen at both. */
function overlap(one: Location, other: Location): boolean {
  if (one.socketPath !== undefined || other.socketPath !== undefined) return one.socketPath === other.socketPath
  // Of port 0 the system makes another one for each.
  if (one.port !== other.port || one.port === 0) return false
  return one.host === other.host || takesAll(one.host, other.host) || takesAll(other.host, one.host)
}

/** Whoever listens at `host` gets what is for `other`. All addresses of IPv6 are also those of IPv4. */
function takesAll(host: string, other: string): boolean {
  return host === '' || host === '::' || (host === '0.0.0.0' && !other.includes(':'))
}

function textOf({ host, port, socketPath }: Location): string {
  if (socketPath !== undefined) return `unix:${socketPath}`
  return `${host === '' ? '*' : host.includes(':') ? `[${host}]` : host}:${port}`
}
