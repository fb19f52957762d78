import type { Clock } from '../clock.js'
import { messageOf } from '../config/section.js'
import type { Random } from '../random.js'
import { type Endpoint, type Exchange, endpointText, overTcp, overUdp, type Query } from './exchange.js'
import { type Answer, type DnsRecord, encodeQuestion, type RecordType } from './message.js'

/** Milliseconds that a server has for one answer. */
const patience = 2_000
/**
 * Docker's own DNS server says 600 s of every container (moby/moby#30029), and is asked at no cost: it is on this machine.
 * Seconds for which it is believed.
 */
const docker = { host: '127.0.0.11', ttl: 10 }
/** How often a server is asked that says nothing: packets get lost. */
const rounds = 2

/** The server said nothing in time. */
class Silence extends Error {
  override readonly message = `no answer within ${patience / 1000} s`
}

export interface ClientParts {
  readonly clock: Clock
  readonly random: Random
  /** Whom to ask, in this order; looked at for each question. */
  readonly servers: () => readonly Endpoint[]
}

/** Asks DNS servers, one after the other, until one of them answers. */
export class DnsClient {
  readonly #clock: Clock
  readonly #random: Random
  readonly #servers: () => readonly Endpoint[]
  /** What ends the exchanges that are under way. */
  readonly #open = new Set<(error: Error) => void>()
  /** The server that answered last. It is asked first, so that a dead one does not cost its patience each time. */
  #preferred = ''
  #closed = false

  constructor({ clock, random, servers }: ClientParts) {
    this.#clock = clock
    this.#random = random
    this.#servers = servers
  }

  /**
   * The answer of a server: `NOERROR` or `NXDOMAIN`. Any other is a failure, as is none, and the next server is asked.
   *
   * @throws Error when no server answers; it says what the last one did.
   */
  async ask(name: string, type: RecordType): Promise<Answer> {
    let servers = this.#inOrder()
    let failure = new Error('there is no DNS server')
    for (let round = 0; round < rounds && servers.length > 0; round++) {
      const silent: Endpoint[] = []
      for (const server of servers) {
        try {
          const answer = await this.#askServer(server, name, type)
          this.#preferred = endpointText(server)
          return server.host === docker.host ? shortened(answer, docker.ttl) : answer
        } catch (error) {
          if (error instanceof Silence) silent.push(server)
          failure = new Error(`${endpointText(server)}: ${messageOf(error)}`)
        }
      }
      servers = silent
    }
    throw failure
  }

  /** Ends what is under way; it fails. */
  close(): void {
    this.#closed = true
    for (const end of [...this.#open]) end(new Error('closed'))
  }

  #inOrder(): readonly Endpoint[] {
    const servers = this.#servers()
    const first = servers.findIndex((server) => endpointText(server) === this.#preferred)
    return first > 0 ? [...servers.slice(first), ...servers.slice(0, first)] : servers
  }

  async #askServer(server: Endpoint, name: string, type: RecordType): Promise<Answer> {
    let edns = true
    let answer = await this.#exchange(overUdp, server, this.#query(name, type, edns))
    // A server from before EDNS0 says that it does not understand (RFC 6891 §7).
    if (['FORMERR', 'NOTIMP', 'BADVERS'].includes(answer.code)) {
      edns = false
      answer = await this.#exchange(overUdp, server, this.#query(name, type, edns))
    }
    if (answer.truncated) answer = await this.#exchange(overTcp, server, this.#query(name, type, edns))
    if (answer.code !== 'NOERROR' && answer.code !== 'NXDOMAIN') throw new Error(answer.code)
    return answer
  }

  #query(name: string, type: RecordType, edns: boolean): Query {
    const question = { id: this.#random.bytes(2).readUInt16BE(0), name, type }
    return { ...question, bytes: encodeQuestion(question, edns) }
  }

  #exchange(exchange: Exchange, server: Endpoint, query: Query): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new Error('closed'))
      const done = (result: Answer | Error): void => {
        if (!this.#open.delete(done)) return
        timer.cancel()
        stop()
        if (result instanceof Error) reject(result)
        else resolve(result)
      }
      this.#open.add(done)
      const timer = this.#clock.setTimeout(() => done(new Silence()), patience)
      const stop = exchange(server, query, done)
    })
  }
}

/** The same answer with no TTL above this one. */
function shortened(answer: Answer, longest: number): Answer {
  const shorten = (record: DnsRecord): DnsRecord => ({ ...record, ttl: Math.min(record.ttl, longest) })
  return { ...answer, records: answer.records.map(shorten), additional: answer.additional.map(shorten) }
}
