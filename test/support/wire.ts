import { once } from 'node:events'
import { connect, type NetConnectOpts } from 'node:net'
import type { Duplex } from 'node:stream'

/** An HTTP message as it was on the wire. */
export interface WireMessage {
  /** The first line, without its line break. */
  readonly start: string
  /** Of a response. */
  readonly status: number
  /** Name, value, name, value … as written. */
  readonly headers: readonly string[]
  readonly body: Buffer
  readonly text: string
  /** The field lines behind the last chunk. */
  readonly trailers: readonly string[]
  /** All values of a field. */
  all(name: string): string[]
  /** The only value of a field; undefined without. */
  field(name: string): string | undefined
}

/** How long a test waits for what must come at once, before it fails with a name for what is missing. */
const patience = 5_000

/** Fails with `what` when `promise` takes longer than `time` milliseconds. */
export async function within<T>(promise: Promise<T>, what: string, time: number = patience): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), time)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Comes back when `holds` does. For states that no event tells of. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  const end = performance.now() + patience
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** One end of a raw connection, for clients and servers that do as they please. */
export class Wire {
  readonly socket: Duplex
  /** The other end has sent its FIN. */
  ended = false
  closed = false
  /** Why it broke, if it did. */
  error: NodeJS.ErrnoException | undefined
  /** Everything that came in and was not taken yet. */
  #unread: Buffer = Buffer.alloc(0)
  #chunks: Buffer[] = []
  #received = 0
  readonly #wakers = new Set<() => void>()

  constructor(socket: Duplex) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#received += chunk.length
      this.#wake()
    })
    socket.on('end', () => {
      this.ended = true
      this.#wake()
    })
    socket.on('close', () => {
      this.closed = true
      this.#wake()
    })
    socket.on('error', (error) => {
      this.error = error
    })
  }

  /** Connects to a port of 127.0.0.1, or wherever `target` says. */
  static async connect(target: number | (NetConnectOpts & { allowHalfOpen?: boolean })): Promise<Wire> {
    const socket = connect(typeof target === 'number' ? { port: target, host: '127.0.0.1' } : target)
    const wire = new Wire(socket)
    await within(once(socket, 'connect'), 'a connection')
    return wire
  }

  /** Bytes that have come in since the beginning. */
  get received(): number {
    return this.#received
  }

  /** What has come in and was not taken, as it stands. */
  get unread(): string {
    return this.#gather().toString('latin1')
  }

  write(data: string | Uint8Array): boolean {
    return this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
  }

  end(data?: string | Uint8Array): void {
    if (data !== undefined) this.write(data)
    this.socket.end()
  }

  destroy(): void {
    this.socket.destroy()
  }

  /** Takes everything up to and with `mark`. */
  async until(mark: string): Promise<string> {
    await this.#wait(() => this.#gather().includes(mark, 0, 'latin1'), JSON.stringify(mark))
    const at = this.#unread.indexOf(mark, 0, 'latin1') + mark.length
    return this.#take(at).toString('latin1')
  }

  /** Takes `count` bytes. */
  async bytes(count: number): Promise<Buffer> {
    await this.#wait(() => this.#size() >= count, `${count} bytes`)
    this.#gather()
    return this.#take(count)
  }

  /** The other end sends nothing more. Returns what was not taken. */
  async atEnd(): Promise<string> {
    await within(
      this.#until(() => this.ended || this.closed),
      'the end of the connection',
    )
    return this.unread
  }

  /** It is closed. */
  async atClose(): Promise<void> {
    await within(
      this.#until(() => this.closed),
      'the close of the connection',
    )
  }

  /** Takes the head of a message. */
  async head(): Promise<WireMessage> {
    return message(await this.until('\r\n\r\n'), Buffer.alloc(0), [])
  }

  /** Takes a whole message; `bodiless` for the answer to a HEAD. */
  async message(bodiless = false): Promise<WireMessage> {
    const text = await this.until('\r\n\r\n')
    const head = message(text, Buffer.alloc(0), [])
    const isResponse = head.start.startsWith('HTTP/')
    if (bodiless || (isResponse && (head.status < 200 || head.status === 204 || head.status === 304))) return head
    if (head.field('transfer-encoding')?.toLowerCase() === 'chunked') {
      const { body, trailers } = await this.#chunked()
      return message(text, body, trailers)
    }
    const length = head.field('content-length')
    if (length !== undefined) return message(text, await this.bytes(Number(length)), [])
    if (!isResponse) return head
    await this.atEnd()
    return message(text, this.#take(this.#gather().length), [])
  }

  async #chunked(): Promise<{ body: Buffer; trailers: string[] }> {
    const parts: Buffer[] = []
    for (;;) {
      const size = Number.parseInt(await this.until('\r\n'), 16)
      if (!(size > 0)) break
      parts.push(await this.bytes(size))
      await this.bytes(2)
    }
    const trailers: string[] = []
    for (let line = await this.until('\r\n'); line !== '\r\n'; line = await this.until('\r\n')) {
      const colon = line.indexOf(':')
      trailers.push(line.slice(0, colon), line.slice(colon + 1).trim())
    }
    return { body: Buffer.concat(parts), trailers }
  }

  #size(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.length, this.#unread.length)
  }

  #gather(): Buffer {
    if (this.#chunks.length > 0) {
      this.#unread = Buffer.concat([this.#unread, ...this.#chunks])
      this.#chunks = []
    }
    return this.#unread
  }

  #take(count: number): Buffer {
    const taken = this.#unread.subarray(0, count)
    this.#unread = this.#unread.subarray(count)
    return taken
  }

  async #wait(holds: () => boolean, what: string): Promise<void> {
    await within(
      this.#until(() => holds() || this.ended || this.closed),
      `${what}; got ${JSON.stringify(this.unread.slice(0, 400))}`,
    )
    if (holds()) return
    const how = this.error === undefined ? 'ended' : `broke (${this.error.message})`
    throw new Error(`the connection ${how} before ${what}; got ${JSON.stringify(this.unread.slice(0, 400))}`)
  }

  #until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const waker = (): void => {
        if (!holds()) return
        this.#wakers.delete(waker)
        resolve()
      }
      this.#wakers.add(waker)
      waker()
    })
  }

  #wake(): void {
    for (const waker of [...this.#wakers]) waker()
  }
}

function message(text: string, body: Buffer, trailers: readonly string[]): WireMessage {
  const [start = '', ...lines] = text.slice(0, -4).split('\r\n')
  const headers = lines.flatMap((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1).trim()]
  })
  const all = (name: string): string[] =>
    headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === name.toLowerCase())
  return {
    start,
    status: Number(start.split(' ')[1]),
    headers,
    body,
    text: body.toString('latin1'),
    trailers,
    all,
    field: (name) => all(name)[0],
  }
}
