import type { IncomingMessage, ServerResponse } from 'node:http'

/** As much of a proxy as the adapter needs. */
export type KoaProxyHandler = (req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void) => void

/** As much of a Koa context as the adapter needs. */
export interface KoaLikeContext {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  respond?: boolean
}

/**
 * Koa middleware: requests that an entry takes go to its servers, the others go on. The promise of a request that was
 * taken settles when its answer is complete. For upgrades: `proxy.attach(app.listen(8080))`.
 *
 * @example
 * app.use(koaProxy(createProxy('proxy.conf')))
 */
export function koaProxy(
  proxy: KoaProxyHandler,
): (context: KoaLikeContext, next: () => Promise<unknown>) => Promise<void> {
  return async (context, next) => {
    const taken = await new Promise<boolean>((resolve, reject) => {
      const closed = (): void => resolve(true)
      context.res.once('close', closed)
      proxy(context.req, context.res, (error) => {
        context.res.off('close', closed)
        if (error === undefined) resolve(false)
        else reject(error)
      })
    })
    // Koa would answer by itself.
    if (taken) context.respond = false
    else await next()
  }
}

export default koaProxy
