import { show } from '../config/section.js'
import { unknown } from '../config/suggest.js'

/** How connections are carried. Times are milliseconds, sizes bytes. */
export interface TcpRouterOptions {
  /** Time for one try to connect to a server. Default: 5000. */
  readonly connectTimeout?: number
  /** How often it is tried again, while the client is kept; 0: not at all. Default: 10. */
  readonly connectRetries?: number
  /** Time from a try that failed to the next. Default: 100. */
  readonly retryDelay?: number
  /** Time from the connection to the first byte of the server; 0: no limit. Default: 0. */
  readonly inactivityTimeout?: number
  /** Time without a byte in either direction after which a connection is closed; 0: no limit. Default: 0. */
  readonly idleTimeout?: number
  /** Bytes of a client that are kept until there is a connection to a server. Default: 65536. */
  readonly maxBuffer?: number
  /** Time from the accept to the decision. Default: 30000. */
  readonly decisionTimeout?: number
  /**
   * The route is asked once without any bytes, as soon as a client is there: for protocols in which the server speaks
   * first, as MySQL and SMTP. Default: false.
   */
  readonly decideAtOnce?: boolean
  /** Every client connection begins with a header of the PROXY protocol, version 1 or 2. Default: false. */
  readonly acceptProxyProtocol?: boolean
  /** The version of the PROXY protocol in which servers are told of the client; false: they are not. Default: false. */
  readonly sendProxyProtocol?: false | 1 | 2
}

/** The same, complete and checked. */
export type CheckedOptions = Required<TcpRouterOptions>

interface Range {
  readonly default: number
  readonly least: number
  readonly most: number
}

/** Node's timers end at 2^31 - 1 ms. */
const longest = 0x7fffffff

const numbers: Readonly<Record<string, Range>> = {
  connectTimeout: { default: 5000, least: 1, most: longest },
  connectRetries: { default: 10, least: 0, most: 1_000_000 },
  retryDelay: { default: 100, least: 1, most: longest },
  inactivityTimeout: { default: 0, least: 0, most: longest },
  idleTimeout: { default: 0, least: 0, most: longest },
  maxBuffer: { default: 65_536, least: 1, most: 2 ** 30 },
  decisionTimeout: { default: 30_000, least: 1, most: longest },
}

const choices: Readonly<Record<string, readonly (boolean | number)[]>> = {
  decideAtOnce: [false, true],
  acceptProxyProtocol: [false, true],
  sendProxyProtocol: [false, 1, 2],
}

const names = [...Object.keys(numbers), ...Object.keys(choices)]

/** @throws {TypeError} naming the option that is wrong */
export function checkOptions(given: TcpRouterOptions): CheckedOptions {
  if (typeof given !== 'object' || given === null) throw new TypeError(`options are an object, not ${show(given)}`)
  const checked: Record<string, unknown> = {}
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) throw new TypeError(unknown('option', name, names))
  }
  const values = given as Readonly<Record<string, unknown>>
  for (const [name, range] of Object.entries(numbers)) checked[name] = checkNumber(name, values[name], range)
  for (const [name, allowed] of Object.entries(choices)) {
    const value = values[name] ?? allowed[0]
    if (!(allowed as readonly unknown[]).includes(value)) {
      throw new TypeError(`${name} is one of ${allowed.join(', ')}, not ${show(value)}`)
    }
    checked[name] = value
  }
  return checked as unknown as CheckedOptions
}

function checkNumber(name: string, value: unknown, range: Range): number {
  if (value === undefined) return range.default
  if (Number.isInteger(value) && (value as number) >= range.least && (value as number) <= range.most) {
    return value as number
  }
  throw new TypeError(`${name} is a whole number from ${range.least} to ${range.most}, not ${show(value)}`)
}
