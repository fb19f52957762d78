import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type Packet,
  RECURSION_AVAILABLE,
  TRUNCATED_RESPONSE,
} from 'dns-packet'

/** A question that a server has got. */
export interface DnsQuery {
  readonly id: number
  /** As it came, upper and lower case alike. */
  readonly name: string
  readonly type: string
  readonly over: 'udp' | 'tcp'
  /** Payload size that the client can take; undefined without EDNS0. */
  readonly edns: number | undefined
  /** Port of the client. */
  readonly port: number
}

/** Codes of RFC 1035 §4.1.1. */
const codes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const

/** What to do in place of what the records say. */
export type Reply =
  | keyof typeof codes
  /** No answer. */
  | 'silence'
  /** An answer without records that says that there are more. */
  | 'truncated'
  /** Of TCP: closes the connection. */
  | 'close'
  /** These messages, one after the other; `undefined` among them is the answer of the records. */
  | readonly (Buffer | undefined)[]

/** A DNS server on loopback, over UDP and TCP, that says what a test wants. */
export class DnsServer {
  readonly #udp: UdpSocket
  readonly #tcp: Server
  readonly #connections = new Set<Socket>()
  readonly #records = new Map<string, Answer[]>()
  #additional: Answer[] = []
  readonly queries: DnsQuery[] = []
  /** Decides what differs from the records; undefined: nothing. */
  behave: (query: DnsQuery) => Reply | undefined = () => undefined

  static async start(host: string = '127.0.0.1'): Promise<DnsServer> {
    for (let tries = 0; ; tries++) {
      const udp = createSocket(host.includes(':') ? 'udp6' : 'udp4').bind(0, host)
      await once(udp, 'listening')
      const tcp = createServer().listen(udp.address().port, host)
      try {
        await once(tcp, 'listening')
        return new DnsServer(udp, tcp)
      } catch (error) {
        // The port is free for UDP, and taken for TCP.
        udp.close()
        if (tries === 10) throw error
      }
    }
  }

  private constructor(udp: UdpSocket, tcp: Server) {
    this.#udp = udp
    this.#tcp = tcp
    udp.on('message', (bytes, from) => this.#onPacket(bytes, from))
    tcp.on('connection', (socket) => this.#onConnection(socket))
  }

  /** As a resolver is told of it: `127.0.0.1:5353`. */
  get address(): string {
    const { address, port } = this.#udp.address()
    return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#connections.size
  }

  /**
   * All that it knows, one record a line: `api.test 60 A 10.0.0.1`, `www.test 60 CNAME api.test`,
   * `_http.test 60 SRV 10 5 8080 a.test`; those behind a line `additional` go with every answer to SRV.
   */
  set records(text: string) {
    this.#records.clear()
    this.#additional = []
    let isAdditional = false
    for (const line of text.split('\n').map((each) => each.trim())) {
      if (line === 'additional') isAdditional = true
      else if (line !== '' && isAdditional) this.#additional.push(recordOf(line))
      else if (line !== '') {
        const record = recordOf(line)
        this.#records.set(record.name, [...(this.#records.get(record.name) ?? []), record])
      }
    }
  }

  /** How often a name was asked for: `A api.test`. */
  count(question: string): number {
    return this.queries.filter(({ type, name }) => `${type} ${name}` === question).length
  }

  async close(): Promise<void> {
    for (const socket of this.#connections) socket.destroy()
    this.#udp.close()
    await Promise.all([once(this.#tcp.close(), 'close')])
  }

  #onPacket(bytes: Buffer, from: RemoteInfo): void {
    const { query, packet } = this.#take(bytes, 'udp', from.port)
    const reply = this.behave(query)
    if (reply === 'silence' || reply === 'close') return
    for (const message of this.#messages(query, packet, reply)) this.#udp.send(message, from.port, from.address)
  }

  #onConnection(socket: Socket): void {
    this.#connections.add(socket)
    socket.on('close', () => this.#connections.delete(socket))
    socket.on('error', () => {})
    let received: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return
      const { query, packet } = this.#take(received.subarray(2), 'tcp', socket.remotePort ?? 0)
      const reply = this.behave(query)
      if (reply === 'close') socket.destroy()
      if (reply === 'silence' || reply === 'close') return
      for (const message of this.#messages(query, packet, reply)) {
        const length = Buffer.alloc(2)
        length.writeUInt16BE(message.length)
        // In two pieces, as a network may do it.
        socket.write(Buffer.concat([length, message.subarray(0, 3)]), () => socket.write(message.subarray(3)))
      }
    })
  }

  #take(bytes: Buffer, over: 'udp' | 'tcp', port: number): { query: DnsQuery; packet: Packet } {
    const packet = decode(bytes)
    const { name, type } = packet.questions![0]!
    const opt = packet.additionals?.find((record) => record.type === 'OPT')
    const query = { id: packet.id!, name, type, over, edns: opt?.udpPayloadSize, port }
    this.queries.push(query)
    return { query, packet }
  }

  #messages(query: DnsQuery, packet: Packet, reply: Exclude<Reply, 'silence' | 'close'> | undefined): Buffer[] {
    if (typeof reply === 'object') return reply.map((message) => message ?? this.#answer(query, packet))
    if (reply === undefined) return [this.#answer(query, packet)]
    const flags = reply === 'truncated' ? TRUNCATED_RESPONSE : codes[reply]
    return [respond(packet, flags, [], [])]
  }

  #answer({ name, type }: DnsQuery, packet: Packet): Buffer {
    const answers: Answer[] = []
    let owner = name.toLowerCase()
    let owned = this.#records.get(owner)
    for (let alias = aliasIn(owned); alias !== undefined && answers.length < 20; alias = aliasIn(owned)) {
      answers.push(alias)
      owner = String(alias.data)
      owned = this.#records.get(owner)
    }
    answers.push(...(owned ?? []).filter((record) => record.type === type))
    const additional = type === 'SRV' ? this.#additional : []
    return respond(packet, owned === undefined ? codes.NXDOMAIN : codes.NOERROR, answers, additional)
  }
}

/** A response to a query. */
export function respond(query: Packet, flags: number, answers: Answer[], additionals: Answer[]): Buffer {
  return encode({
    type: 'response',
    id: query.id!,
    flags: flags | AUTHORITATIVE_ANSWER | RECURSION_AVAILABLE,
    questions: query.questions!,
    answers,
    additionals,
  })
}

function aliasIn(records: readonly Answer[] | undefined): Extract<Answer, { data: string }> | undefined {
  return records?.find((record): record is Extract<Answer, { data: string }> => record.type === 'CNAME')
}

function recordOf(line: string): Answer {
  const [name = '', ttl, type, ...data] = line.split(/\s+/)
  const shared = { name, ttl: Number(ttl), class: 'IN' as const }
  if (type === 'SRV') {
    const [priority, weight, port] = data.map(Number)
    return { ...shared, type, data: { priority: priority!, weight: weight!, port: port!, target: data[3]! } }
  }
  if (type !== 'A' && type !== 'AAAA' && type !== 'CNAME') throw new Error(`no record: ${line}`)
  return { ...shared, type, data: data[0]! }
}
