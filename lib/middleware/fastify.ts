import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AttachableServer } from './attach.js'

/** As much of a proxy as the adapter needs. */
export interface FastifyProxyOptions {
  readonly proxy: {
    (req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void): void
    attach(server: AttachableServer): unknown
  }
}

/** As much of Fastify (4 and 5) as the adapter needs. */
export interface FastifyLike {
  readonly server: unknown
  addHook(
    name: 'onRequest',
    hook: (request: { readonly raw: unknown }, reply: { readonly raw: unknown }, done: (error?: Error) => void) => void,
  ): unknown
}

/**
 * A Fastify plugin: requests that an entry takes go to its servers, before Fastify reads a body; the others go on to
 * the routes. Upgrades are taken too.
 *
 * @example
 * app.register(fastifyProxy, { proxy: createProxy('proxy.conf') })
 */
export function fastifyProxy(app: FastifyLike, { proxy }: FastifyProxyOptions, done: (error?: Error) => void): void {
  proxy.attach(app.server as AttachableServer)
  app.addHook('onRequest', (request, reply, next) => {
    proxy(request.raw as IncomingMessage, reply.raw as ServerResponse, (error) => next(error as Error | undefined))
  })
  done()
}

// The hook is for the whole application, not for what the plugin itself registers (as fastify-plugin does).
Object.assign(fastifyProxy, { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: 'pointsman' })

export default fastifyProxy
