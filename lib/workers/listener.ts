/** An address that workers dial: a server of its own around a gate. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, Server as TlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../clock.js'
import type { Logger } from '../forward/events.js'
import { formatServiceAddress, type ServiceAddress, serviceListenProblem } from '../pool/service-address.js'
import type { WorkersOptions } from './options.js'
import { handshakeLimit, handshakeTime, workerProtocol } from './wire.js'

/** What takes join requests: a gate, or a proxy that has one. */
export interface JoinHandler {
  /** False: it is none, and the socket was not touched. */
  accept(req: IncomingMessage, socket: Duplex, head: Buffer): boolean
}

/** What a {@link WorkerListener} is made of. */
export interface ListenerParts {
  readonly gate: JoinHandler
  readonly options: WorkersOptions
  readonly logger: Logger
  readonly clock: Clock
  /** Called with the path of a Unix socket before it is opened; makes way for it, or throws. Left out: nothing is removed. */
  readonly clearSocket?: ((path: string) => Promise<void>) | undefined
}

/** How long somebody who is no worker may take to read the answer, in milliseconds. */
const lingerTime = 2_000
const explanation = `Workers dial in here: ask for "Upgrade: ${workerProtocol}". Requests are served at other addresses.\n`

export class WorkerListener {
  readonly #parts: ListenerParts
  readonly #server: Server
  /** Connections that have not joined, by what they are known by later: under TLS another object is. */
  readonly #strangers = new Map<unknown, Socket>()
  #listening: Promise<string> | undefined
  #closed: Promise<void> | undefined

  /** Throws what Node throws for a certificate that cannot be used. */
  constructor(parts: ListenerParts) {
    this.#parts = parts
    this.#server = this.#createServer()
  }

  /** Opens the address of the options. Resolves with its URL; rejects with an Error that says what is in the way. */
  listen(): Promise<string> {
    this.#listening ??= this.#listen()
    return this.#listening
  }

  /** Takes no more workers here. Those that have joined stay: they are the gate's. The address is free when it resolves. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #listen(): Promise<string> {
    const { options, logger, clearSocket } = this.#parts
    const address = options.listen
    if (address === undefined) throw new Error('workers have no address to dial; set Listen of [WORKERS]')
    try {
      if (address.socketPath !== undefined) await clearSocket?.(address.socketPath)
      await this.#open(address)
    } catch (error) {
      throw serviceListenProblem('the listener for workers', address, error)
    }
    this.#server.on('error', (error) => logger.error(`workers: ${error.message}`))
    const bound = this.#server.address() as AddressInfo | string
    const scheme = options.certificate === undefined ? 'http' : 'https'
    return formatServiceAddress(address, typeof bound === 'string' ? undefined : bound.port, scheme)
  }

  #open({ host, port, socketPath }: ServiceAddress): Promise<void> {
    const server = this.#server
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(socketPath === undefined ? { host: host || undefined, port } : { path: socketPath }, () => {
        server.off('error', reject)
        resolve()
      })
    })
  }

  async #close(): Promise<void> {
    // What is not open yet cannot be closed, and would open afterwards.
    if (!this.#server.listening) await this.#listening?.catch(() => {})
    // Its callback would wait for the workers that have joined.
    this.#server.close()
    for (const socket of this.#strangers.values()) socket.destroy()
  }

  #createServer(): Server {
    const { certificate, certificateKey } = this.#parts.options
    const limits = {
      insecureHTTPParser: false,
      maxHeaderSize: handshakeLimit,
      headersTimeout: handshakeTime,
      requestTimeout: handshakeTime,
      keepAliveTimeout: 1_000,
      connectionsCheckingInterval: 1_000,
    }
    const secure = certificate !== undefined && certificateKey !== undefined
    const tls = { cert: certificate, key: certificateKey, handshakeTimeout: handshakeTime, ALPNProtocols: ['http/1.1'] }
    const server = secure ? createTlsServer({ ...limits, ...tls }) : createServer(limits)
    server.on('connection', (socket: Socket) => {
      socket.on('error', ignore)
      const key = secure ? peerOf(socket) : socket
      this.#strangers.set(key, socket)
      socket.once('close', () => this.#forget(key, socket))
    })
    server.on('request', explain)
    server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(req, socket, head))
    server.on('tlsClientError', ignore)
    server.on('clientError', (_error, socket) => this.#refuse(socket, '400 Bad Request', 'The request is malformed.\n'))
    return server
  }

  #upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#parts.gate.accept(req, socket, head)) {
      this.#strangers.delete(this.#server instanceof TlsServer ? peerOf(socket as Socket) : socket)
      return
    }
    socket.on('error', ignore)
    this.#refuse(socket, '426 Upgrade Required', explanation, `Upgrade: ${workerProtocol}\r\n`)
  }

  #forget(key: unknown, socket: Socket): void {
    if (this.#strangers.get(key) === socket) this.#strangers.delete(key)
  }

  #refuse(socket: Duplex, status: string, text: string, fields = ''): void {
    if (!socket.writable) {
      socket.destroy()
      return
    }
    const framing = `Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${text.length}`
    socket.end(`HTTP/1.1 ${status}\r\n${fields}${framing}\r\n\r\n${text}`)
    socket.resume()
    const timer = this.#parts.clock.setTimeout(() => socket.destroy(), lingerTime)
    socket.once('end', () => socket.destroy())
    socket.once('close', () => timer.cancel())
  }
}

/** A browser, or somebody who has mistaken the port. */
function explain(_req: IncomingMessage, res: ServerResponse): void {
  res.on('error', ignore)
  res.writeHead(426, {
    Connection: 'Upgrade, close',
    Upgrade: workerProtocol,
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': explanation.length,
  })
  res.end(explanation)
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

function ignore(): void {}
