import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { type Config, createProxy, type Proxy as RunningProxy } from '#lib/index.js'

/** A request as a server behind the proxy saw it. */
export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A server behind the proxy: it answers `name`, and keeps what it was asked. */
export interface Upstream {
  readonly address: string
  readonly seen: Seen[]
}

/** Starts a server behind the proxy, and ends it with the test. */
export async function upstream(
  t: TestContext,
  name = 'upstream',
  headers: Record<string, string> = {},
): Promise<Upstream> {
  const seen: Seen[] = []
  const url = await listen(t, async (req: IncomingMessage, res: ServerResponse) => {
    const body = Buffer.concat(await req.toArray()).toString()
    seen.push({ method: req.method ?? '', url: req.url ?? '', headers: req.headers, body })
    res.writeHead(200, headers).end(name)
  })
  return { address: url.slice('http://'.length), seen }
}

/** Starts a server for `app`, and ends it with the test. Gives its address. */
export async function listen(t: TestContext, app: RequestListener | Server): Promise<string> {
  const server = typeof app === 'function' ? createServer(app) : app
  if (!server.listening) server.listen(0, '127.0.0.1')
  if (server.address() === null) await once(server, 'listening')
  t.after(async () => {
    const closed = server.listening ? once(server, 'close') : undefined
    server.close()
    server.closeAllConnections()
    await closed
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A proxy that ends with the test; `warnings` gets what it logs. */
export function proxyFor(t: TestContext, config: Config, warnings: string[] = []): RunningProxy {
  const log = (message: string): void => {
    warnings.push(message)
  }
  const proxy = createProxy(config, { logger: { info: () => {}, warn: log, error: log } })
  t.after(() => proxy.close({ timeout: 1000 }))
  return proxy
}

/** An address at which nothing listens. */
export async function nobody(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `127.0.0.1:${port}`
}

/** The body of an answer, as text. */
export async function text(url: string, options?: RequestInit): Promise<string> {
  return (await fetch(url, options)).text()
}

/** A POST with a body of that type. */
export function post(type: string, body: string): RequestInit {
  return { method: 'POST', headers: { 'content-type': type }, body }
}
