import { once } from 'node:events'
import { createServer, type Server as HttpServer, type RequestListener } from 'node:http'
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type ListenOptions,
  type Server,
  type Socket,
} from 'node:net'
import { Wire } from './wire.js'

/** As much of a test's context as is needed to clean up. */
export interface Cleanup {
  after(done: () => unknown): void
}

/** A server that speaks bytes: `serve` is called for every connection, and says what happens on it. */
export class RawServer {
  readonly server: Server
  readonly port: number
  /** Every connection that was ever made, in order. */
  readonly wires: Wire[] = []
  readonly #arrivals: ((wire: Wire) => void)[] = []

  private constructor(server: Server, port: number) {
    this.server = server
    this.port = port
  }

  static async listen(
    t: Cleanup,
    serve: (wire: Wire, index: number) => unknown = () => {},
    {
      server = createTcpServer({ noDelay: true }),
      at = { port: 0, host: '127.0.0.1' },
    }: {
      server?: Server
      at?: ListenOptions
    } = {},
  ): Promise<RawServer> {
    server.listen(at)
    await once(server, 'listening')
    const address = server.address() as AddressInfo | string | null
    const raw = new RawServer(server, typeof address === 'object' ? (address?.port ?? 0) : 0)
    const event =
      server.listenerCount('secureConnection') > 0 || 'setSecureContext' in server ? 'secureConnection' : 'connection'
    const failures: unknown[] = []
    server.on(event, (socket: Socket) => {
      const wire = new Wire(socket)
      raw.wires.push(wire)
      raw.#arrivals.shift()?.(wire)
      Promise.resolve(serve(wire, raw.wires.length - 1)).catch((error: unknown) => {
        // A connection that ends while its script waits for more is an ordinary end.
        if (!wire.ended && !wire.closed && wire.error === undefined) failures.push(error)
      })
    })
    t.after(() => {
      for (const wire of raw.wires) wire.destroy()
      server.close()
      if (failures.length > 0) throw failures[0]
    })
    return raw
  }

  get url(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Connections that are open now. */
  get open(): number {
    return this.wires.filter((wire) => !wire.closed).length
  }

  /** The next connection that is made. */
  next(): Promise<Wire> {
    return new Promise((resolve) => this.#arrivals.push(resolve))
  }
}

let holder: Promise<Server> | undefined

/**
 * A port on which nobody listens, nor ever will in this process's life: a connection holds it as its own end, so that
 * no other test is given it.
 */
export async function deadPort(): Promise<number> {
  holder ??= (async () => {
    const server = createTcpServer((socket) => socket.unref().on('error', () => {}))
    server.listen(0, '127.0.0.1').unref()
    await once(server, 'listening')
    return server
  })()
  const socket = connect(((await holder).address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  socket.unref().on('error', () => {})
  return socket.localPort as number
}

/** A port that is free just now. */
export async function freePort(): Promise<number> {
  const server = createTcpServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** An ordinary HTTP server on a port of 127.0.0.1. */
export async function httpServer(
  t: Cleanup,
  listener: RequestListener,
  at: ListenOptions = { port: 0, host: '127.0.0.1' },
): Promise<{ server: HttpServer; port: number; url: string }> {
  const server = createServer(listener)
  server.listen(at)
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address() as AddressInfo | string
  const port = typeof address === 'string' ? 0 : address.port
  return { server, port, url: `127.0.0.1:${port}` }
}
