/** Routers, and servers behind them, that end with their test. */

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import {
  createTcpRouter,
  type Route,
  type TcpConnection,
  type TcpRouter,
  type TcpRouterOptions,
  type TcpSummary,
} from '#lib/tcp/index.js'
import { ManualClock } from './clock.js'
import { Wire } from './wire.js'

/** A server on a free port of 127.0.0.1. */
export interface TestServer {
  readonly port: number
  /** `127.0.0.1:port`. */
  readonly address: string
  /** Connections that are open. */
  readonly open: Set<Socket>
  /** How many there have been. */
  readonly accepted: () => number
  close(): Promise<void>
}

/** A server that does what `serve` says with each connection. Errors of its connections are nothing. */
export async function server(t: TestContext, serve: (socket: Socket) => void, port = 0): Promise<TestServer> {
  const open = new Set<Socket>()
  let accepted = 0
  const listener: Server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted++
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    serve(socket)
  })
  await new Promise<void>((resolve) => listener.listen(port, '127.0.0.1', resolve))
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      listener.close(() => resolve())
      for (const socket of open) socket.destroy()
    })
  t.after(close)
  const chosen = (listener.address() as AddressInfo).port
  return { port: chosen, address: `127.0.0.1:${chosen}`, open, accepted: () => accepted, close }
}

/** A server that puts its name before whatever it gets, and ends when its client does. */
export function named(t: TestContext, name: string): Promise<TestServer> {
  return server(t, (socket) => {
    socket.once('data', (first: Buffer) => {
      socket.write(Buffer.concat([Buffer.from(`${name}:`), first]))
      socket.pipe(socket)
    })
    socket.on('end', () => socket.end())
  })
}

/** A port of 127.0.0.1 at which nothing listens. */
export async function refusingPort(): Promise<number> {
  const listener = createServer()
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const { port } = listener.address() as AddressInfo
  await new Promise((resolve) => listener.close(resolve))
  return port
}

/** A router that listens, and what it has told. */
export interface Rig {
  readonly router: TcpRouter
  readonly port: number
  readonly clock: ManualClock
  /** `connectError 127.0.0.1:1`, `error ERR_TCP_ROUTE` … in order; without `connection` and `close`. */
  readonly told: string[]
  readonly connections: TcpConnection[]
  readonly summaries: TcpSummary[]
  connect(): Promise<Wire>
}

/** Starts a router. With `timed`, time stands still until the test moves `clock`. */
export async function rig(t: TestContext, route: Route, options: TcpRouterOptions = {}, timed = false): Promise<Rig> {
  const clock = new ManualClock()
  const router = createTcpRouter(route, options, timed ? { clock } : {})
  const told: string[] = []
  const connections: TcpConnection[] = []
  const summaries: TcpSummary[] = []
  router.on('connection', (connection) => connections.push(connection))
  router.on('close', (_, summary) => summaries.push(summary))
  router.on('connectError', (remote) => told.push(`connectError ${remote}`))
  router.on('inactivityError', (remote) => told.push(`inactivityError ${remote}`))
  router.on('error', (error) => told.push(`error ${(error as { code?: string }).code}`))
  t.after(() => router.close({ timeout: 0 }))
  const address = await router.listen(0, '127.0.0.1')
  const { port } = address as AddressInfo
  return {
    router,
    port,
    clock,
    told,
    connections,
    summaries,
    connect: () => Wire.connect({ port, host: '127.0.0.1', allowHalfOpen: true }),
  }
}
