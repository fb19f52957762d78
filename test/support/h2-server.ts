import { once } from 'node:events'
import {
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { Cleanup } from './upstream.js'
import { eventually } from './wire.js'

/** A request as an HTTP/2 server sees it; `raw` with pseudo-fields. */
export interface Arrived {
  readonly stream: ServerHttp2Stream
  readonly headers: IncomingHttpHeaders
  readonly raw: readonly string[]
}

/** A server of HTTP/2 that keeps what comes to it. */
export class H2Server {
  readonly server: Http2Server
  readonly port: number
  /** Every session there was, in order. */
  readonly sessions: ServerHttp2Session[] = []
  readonly sockets: Socket[] = []
  readonly arrived: Arrived[] = []

  private constructor(server: Http2Server, port: number) {
    this.server = server
    this.port = port
  }

  static async listen(
    t: Cleanup,
    serve: (arrived: Arrived, index: number) => void = () => {},
    options: ServerOptions = {},
    tls?: SecureServerOptions,
  ): Promise<H2Server> {
    const server = tls === undefined ? createServer(options) : createSecureServer({ ...options, ...tls })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const made = new H2Server(server as Http2Server, (server.address() as AddressInfo).port)
    server.on('connection', (socket: Socket) => {
      made.sockets.push(socket)
      socket.on('error', () => {})
    })
    server.on('session', (session: ServerHttp2Session) => {
      made.sessions.push(session)
      session.on('error', () => {})
    })
    server.on('sessionError', () => {})
    server.on('tlsClientError', () => {})
    server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: string[]) => {
      stream.on('error', () => {})
      const each = { stream, headers, raw }
      made.arrived.push(each)
      serve(each, made.arrived.length - 1)
    })
    t.after(() => {
      for (const socket of made.sockets) socket.destroy()
      server.close()
    })
    return made
  }

  get url(): string {
    return `h2c://127.0.0.1:${this.port}`
  }

  /** Connections that are open now. */
  get open(): number {
    return this.sockets.filter((socket) => !socket.destroyed).length
  }

  /** Comes back when so many requests have come. */
  requests(count: number): Promise<void> {
    return eventually(() => this.arrived.length >= count, `${count} requests`)
  }
}

/** Answers with 200 and `ok`. */
export function answer({ stream }: Arrived): void {
  answerWith(stream, 200, 'ok')
}

/** Answers with a status and a text. */
export function answerWith(stream: ServerHttp2Stream, status: number, body: string): void {
  stream.respond({ ':status': status })
  stream.end(body)
}
