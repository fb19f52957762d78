/** What the first bytes of a client say about where it wants to go. */

import { isIP } from 'node:net'

/** There are not enough bytes yet to tell. */
export type More = 'more'

/**
 * The name that a TLS client asks for by SNI (RFC 6066 §3), in lower case; undefined when it asks for none, and when this
 * is no TLS. It is read from the ClientHello alone (RFC 8446 §4.1.2), over as many records as that takes, and known as
 * soon as the name has arrived, though more of the ClientHello may follow.
 */
export function tlsServerName(data: Uint8Array): string | undefined | More {
  const hello = clientHello(data)
  if (hello === undefined) return undefined
  try {
    const name = serverNameOf(new Reader(hello.bytes, 0, hello.length))
    return name === undefined && !hello.complete ? 'more' : name
  } catch (error) {
    if (error === pastEnd) return hello.complete ? undefined : 'more'
    if (error === malformed) return undefined
    throw error
  }
}

const handshakeRecord = 22
const clientHelloMessage = 1
/** A record has at most this many bytes (RFC 8446 §5.1). */
const largestRecord = 2 ** 14
/** What a ClientHello may have; the largest in the field are near 2 KiB. */
const largestHello = 2 ** 16

/** Thrown where bytes are missing, and where they make no sense. Both are caught above. */
const pastEnd: unique symbol = Symbol('past the end')
const malformed: unique symbol = Symbol('malformed')

/** What there is of a message, without its head. */
interface ClientHello {
  readonly bytes: Uint8Array
  /** How many there are to be. */
  readonly length: number
  /** No more of them will come. */
  readonly complete: boolean
}

/** The message, as far as it is there, put together from its records; undefined when it is none. */
function clientHello(data: Uint8Array): ClientHello | undefined {
  const parts: Uint8Array[] = []
  let have = 0
  let whole: number | undefined
  /** Nothing that could be a part of it follows. What is there counts, as it did before the rest came. */
  let broken = false
  for (let at = 0; at < data.length; ) {
    const [type, major] = [data[at], data[at + 1]]
    broken = type !== handshakeRecord || (major !== undefined && major !== 3)
    const begin = at + 5
    if (broken || begin > data.length) break
    const length = data[at + 3]! * 256 + data[at + 4]!
    broken = length === 0 || length > largestRecord
    if (broken) break
    const part = data.subarray(begin, begin + length)
    parts.push(part)
    have += part.length
    at = begin + length
    const first = parts[0]!
    if (first.length > 0 && first[0] !== clientHelloMessage) return undefined
    if (have < 4) continue
    // Once: there may be a record for every byte.
    whole ??= messageLength(parts)
    // Nothing behind the message is looked at.
    if (have >= whole) break
  }
  const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  if (bytes.length < 4) return broken ? undefined : { bytes: new Uint8Array(0), length: 4, complete: false }
  const length = messageLength([bytes])
  if (length > largestHello) return undefined
  return { bytes: bytes.subarray(4, length), length: length - 4, complete: broken || bytes.length >= length }
}

/** Of the whole message, its own head of four bytes included. */
function messageLength(parts: readonly Uint8Array[]): number {
  const head = parts[0]!.length >= 4 ? parts[0]! : Buffer.concat(parts)
  return 4 + head[1]! * 65_536 + head[2]! * 256 + head[3]!
}

function serverNameOf(hello: Reader): string | undefined {
  hello.skip(2 + 32)
  hello.skip(hello.uint8())
  hello.skip(hello.uint16())
  hello.skip(hello.uint8())
  // Up to TLS 1.2 there need not be any extensions.
  if (hello.atEnd) throw pastEnd
  const extensions = hello.part(hello.uint16())
  while (!extensions.atEnd) {
    const type = extensions.uint16()
    const extension = extensions.part(extensions.uint16())
    if (type !== 0) continue
    const list = extension.part(extension.uint16())
    while (!list.atEnd) {
      const isHost = list.uint8() === 0
      const name = list.part(list.uint16())
      if (isHost) return hostName(name.text())
    }
    return undefined
  }
  return undefined
}

/** A DNS name in ASCII without a final dot (RFC 6066 §3); anything else is none. */
function hostName(text: string): string {
  if (text.length > 253 || !/^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i.test(text) || isIP(text) !== 0) throw malformed
  return text.toLowerCase()
}

/** Reads a structure whose end may not have arrived. */
class Reader {
  readonly #bytes: Uint8Array
  readonly #end: number
  #at: number

  /** `end`: where the structure ends, which may be behind the bytes. */
  constructor(bytes: Uint8Array, at = 0, end: number = bytes.length) {
    this.#bytes = bytes
    this.#at = at
    this.#end = end
  }

  get atEnd(): boolean {
    return this.#at >= this.#end
  }

  uint8(): number {
    const at = this.#advance(1)
    if (at >= this.#bytes.length) throw pastEnd
    return this.#bytes[at]!
  }

  uint16(): number {
    return this.uint8() * 256 + this.uint8()
  }

  skip(length: number): void {
    this.#advance(length)
  }

  part(length: number): Reader {
    const at = this.#advance(length)
    return new Reader(this.#bytes, at, at + length)
  }

  text(): string {
    if (this.#end > this.#bytes.length) throw pastEnd
    return Buffer.from(this.#bytes.subarray(this.#at, this.#end)).toString('latin1')
  }

  /** Steps over bytes of this structure; those of the outermost end where the message does, as far as it is there. */
  #advance(length: number): number {
    const at = this.#at
    this.#at += length
    if (this.#at > this.#end) throw this.#end >= this.#bytes.length ? pastEnd : malformed
    return at
  }
}

/** The longest head of a request in which a host is looked for, in bytes. */
const longestHead = 64 * 1024

/**
 * The host that an HTTP/1 request names, from its target or its `Host` field (RFC 9112 §3.2), in lower case and without
 * the port; undefined when this is no such request, when it names none, or several.
 */
export function httpHost(data: Uint8Array): string | undefined | More {
  const head = Buffer.from(data.buffer, data.byteOffset, Math.min(data.length, longestHead)).toString('latin1')
  const line = /^([^\r\n]*)\r?\n/.exec(head)
  if (line === null) return mayBeRequest(head) && data.length < longestHead ? 'more' : undefined
  const request = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ (\S+) HTTP\/1\.\d$/.exec(line[1]!)
  if (request === null) return undefined
  const absolute = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(request[1]!)
  if (absolute !== null) return hostOf(absolute[1]!)
  const end = /\r?\n\r?\n/.exec(head)
  if (end === null) return data.length < longestHead ? 'more' : undefined
  const fields = head.slice(line[0].length, end.index).split(/\r?\n/)
  const hosts = fields
    .filter((field) => /^host:/i.test(field))
    .map((field) => withoutBlanks(field.slice('host:'.length)))
  return hosts.length === 1 ? hostOf(hosts[0]!) : undefined
}

/** Blanks around a value do not belong to it (RFC 9110 §5.5). A pattern would try again for each of them. */
function withoutBlanks(value: string): string {
  const isBlank = (at: number): boolean => value[at] === ' ' || value[at] === '\t'
  let begin = 0
  let end = value.length
  while (begin < end && isBlank(begin)) begin++
  while (end > begin && isBlank(end - 1)) end--
  return value.slice(begin, end)
}

/** What has come of a first line could go on as a request. */
function mayBeRequest(text: string): boolean {
  const [method = '', target, version, ...others] = text.split(' ')
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{0,64}$/.test(method) || others.length > 0) return false
  if (target !== undefined && (method === '' || /\s/.test(target))) return false
  return version === undefined || /^HTTP\/1\.\d\r$/.test(version) || isBeginning(version, 'HTTP/1.')
}

/** The end of a number may be missing too. */
function isBeginning(text: string, mark: string): boolean {
  return mark.startsWith(text) || (text.startsWith(mark) && /^\d$/.test(text.slice(mark.length)))
}

function hostOf(authority: string): string | undefined {
  const match = /^(?:[^@]*@)?(\[[0-9a-f:.]+\]|[^:[\]@/?#\s]+)(?::\d*)?$/i.exec(authority)
  return match?.[1]?.toLowerCase()
}
