/** Questions and answers of DNS as bytes (RFC 1035 §4, EDNS0: RFC 6891), as far as discovery needs them. */

import { isIP } from 'node:net'
import { decode, encode, RECURSION_DESIRED } from 'dns-packet'

/** What can be asked for. */
export type RecordType = 'A' | 'AAAA' | 'SRV'

/** A record. Names are in lower case, without a dot at the end; `ttl` is in seconds. */
export type DnsRecord = AddressRecord | AliasRecord | SrvRecord

export interface AddressRecord {
  readonly type: 'A' | 'AAAA'
  readonly name: string
  readonly ttl: number
  readonly address: string
}

export interface AliasRecord {
  readonly type: 'CNAME'
  readonly name: string
  readonly ttl: number
  readonly target: string
}

/** RFC 2782. */
export interface SrvRecord {
  readonly type: 'SRV'
  readonly name: string
  readonly ttl: number
  readonly priority: number
  readonly weight: number
  readonly port: number
  /** Empty: the service is decidedly not available. */
  readonly target: string
}

export interface Question {
  /** 0 to 65535. */
  readonly id: number
  /** Without a dot at the end. */
  readonly name: string
  readonly type: RecordType
}

/** What a server said. */
export interface Answer {
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL` … (RFC 1035 §4.1.1). */
  readonly code: string
  /** The rest did not fit, and has to be asked for over TCP. */
  readonly truncated: boolean
  readonly records: readonly DnsRecord[]
  /** What the server told besides: addresses of the targets of SRV records, mostly. */
  readonly additional: readonly DnsRecord[]
}

/** What fits into one packet everywhere (dnsflagday.net/2020). */
const udpPayloadSize = 1232

/** Whether DNS can carry this name, which has no dot at its end: labels up to 63 bytes, 253 in all (RFC 1035 §2.3.4). */
export function isDnsName(name: string): boolean {
  return name.length <= 253 && /^[\w-]{1,63}(?:\.[\w-]{1,63})*$/.test(name)
}

/** The bytes of a question. `edns`: larger answers are welcome; some old servers refuse whoever says so. */
export function encodeQuestion({ id, name, type }: Question, edns: boolean): Buffer {
  return encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ name, type, class: 'IN' }],
    additionals: edns
      ? [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ]
      : [],
  })
}

/**
 * The answer to a question, or undefined: these bytes are something else (a late or forged packet), and the answer may
 * still come.
 *
 * @throws Error when it is the answer, and makes no sense.
 */
export function decodeAnswer(bytes: Buffer, question: Question): Answer | undefined {
  const isResponse = bytes.length >= 12 && (bytes[2]! & 0x80) !== 0
  if (!isResponse || bytes.readUInt16BE(0) !== question.id) return undefined
  const packet = decodePacket(bytes)
  const [asked] = packet.questions ?? []
  // A server that could not read the question may leave it away.
  const isFailure = packet.rcode !== 'NOERROR' && packet.rcode !== 'NXDOMAIN'
  if (asked === undefined ? !isFailure : !isSame(asked, question)) return undefined
  const extended = packet.additionals?.some((record) => record.type === 'OPT' && record.extendedRcode !== 0) ?? false
  return {
    code: extended ? 'BADVERS' : packet.rcode,
    truncated: packet.flag_tc,
    records: (packet.answers ?? []).flatMap(recordOf),
    additional: (packet.additionals ?? []).flatMap(recordOf),
  }
}

type Packet = ReturnType<typeof decode> & { readonly rcode: string }
type PacketRecord = NonNullable<Packet['answers']>[number]

function decodePacket(bytes: Buffer): Packet {
  let packet: Packet
  try {
    // The package gives the code, and its types forget it.
    packet = decode(bytes) as Packet
  } catch (cause) {
    throw new Error('a malformed answer', { cause })
  }
  // It reads addresses beyond the end as if there were zeros.
  if (decode.bytes > bytes.length) throw new Error('a malformed answer')
  return packet
}

function isSame(asked: { name: string; type: string }, { name, type }: Question): boolean {
  return asked.type === type && canonical(asked.name) === canonical(name)
}

function recordOf(record: PacketRecord): DnsRecord[] {
  if (record.type === 'OPT' || record.class !== 'IN') return []
  const name = canonical(record.name)
  const ttl = secondsOf(record.ttl ?? 0)
  switch (record.type) {
    case 'A':
    case 'AAAA':
      if (isIP(record.data) === 0) throw new Error('a malformed answer')
      return [{ type: record.type, name, ttl, address: record.data }]
    case 'CNAME':
      return [{ type: 'CNAME', name, ttl, target: canonical(record.data) }]
    case 'SRV': {
      const { priority = 0, weight = 0, port, target } = record.data
      return [{ type: 'SRV', name, ttl, priority, weight, port, target: canonical(target) }]
    }
    default:
      return []
  }
}

/** A TTL with the highest bit set is no TTL (RFC 2181 §8). */
function secondsOf(ttl: number): number {
  return ttl > 0x7fffffff ? 0 : ttl
}

function canonical(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}
