import type { RequestListener } from 'node:http'
import type { TestContext } from 'node:test'
import { systemClock } from '#lib/clock.js'
import { resolveConfig } from '#lib/config/load.js'
import type { ListenConfig } from '#lib/config/schema.js'
import { Listeners, type RequestHandler } from '#lib/listen/listeners.js'
import type { ListenOptions } from '#lib/listen/options.js'

/** `[LISTEN]` sections, checked as those of a file. */
export function sections(...listen: ListenConfig[]): readonly ListenOptions[] {
  return resolveConfig({ entries: [{ match: '/*', serverList: '127.0.0.1:1' }], listen }).listen
}

export function handler(listener: RequestListener): RequestHandler {
  return Object.assign(listener, { attach: () => {} })
}

/** Listens at once; everything is cut when the test is over. */
export async function listening(
  t: TestContext,
  listener: RequestListener,
  ...listen: ListenConfig[]
): Promise<Listeners> {
  const listeners = new Listeners(handler(listener), systemClock)
  t.after(() => listeners.close(0))
  const change = await listeners.prepare(sections(...listen))
  change.commit()
  return listeners
}

/** The port of the first TCP address. */
export function portOf(listeners: Listeners): number {
  return Number(new URL(listeners.origin ?? '').port)
}
