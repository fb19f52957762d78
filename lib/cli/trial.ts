import { once } from 'node:events'
import { createServer } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import type { Place } from '../listen/address-text.js'
import { ListenError, listenProblem } from '../listen/listen-error.js'
import { clearStaleSocket } from '../listen/unix-socket.js'
import { type ServiceAddress, serviceListenProblem } from '../pool/service-address.js'
import type { WorkersOptions } from '../workers/options.js'

/**
 * Finds out whether the addresses of `next` that `current` does not have can be listened at, by doing it for a moment,
 * and clears the remains of dead processes away.
 *
 * It is done before serving processes are asked to listen, so that all problems are told at once and by one process.
 * Also, a serving process whose attempt has failed counts it (node:cluster, `indexes`), and would share the
 * address with no other process when it tries again.
 *
 * @throws ListenError with every address that cannot be had.
 */
export async function tryListening(next: readonly Place[], current: readonly Place[]): Promise<void> {
  const known = new Set(current.map(keyOf))
  const added = next.filter((address) => !known.has(keyOf(address)))
  const results = await Promise.allSettled(added.map(tryOne))
  const problems = results.flatMap((result, index) => {
    if (result.status === 'fulfilled') return []
    return [listenProblem(added[index]!, result.reason) + overlap(added[index]!, current)]
  })
  if (problems.length > 0) throw new ListenError(problems)
}

/** The same for the address at which workers dial in. */
export async function tryWorkers({ listen }: WorkersOptions, current: WorkersOptions | undefined): Promise<void> {
  if (listen === undefined || isDeepStrictEqual(listen, current?.listen)) return
  try {
    await tryOne(listen)
  } catch (error) {
    throw new ListenError([serviceListenProblem('the listener for workers', listen, error).message])
  }
}

async function tryOne({ host, port, socketPath }: ServiceAddress): Promise<void> {
  if (socketPath !== undefined) await clearStaleSocket(socketPath)
  const server = createServer((socket) => socket.destroy())
  if (socketPath !== undefined) server.listen({ path: socketPath })
  else server.listen(host === '' ? { port } : { host, port })
  await once(server, 'listening')
  await once(server.close(), 'close')
}

/** An address can be taken by the proxy itself: `8080` is also `127.0.0.1:8080`. */
function overlap({ port }: Place, open: readonly Place[]): string {
  if (port === 0 || !open.some((each) => each.port === port)) return ''
  return '; this proxy listens there itself, and needs a new start to change that'
}

function keyOf({ scheme, host, port, socketPath }: Place): string {
  return socketPath === undefined ? `${scheme}://${host}:${port}` : `unix:${socketPath}`
}
