import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { systemClock } from '#lib/clock.js'
import { createEtcdRegistry } from '#lib/discovery/etcd.js'
import type { RegistryOptions } from '#lib/discovery/options.js'
import type { Registry } from '#lib/discovery/registry.js'
import { parseRegistryAddress } from '#lib/discovery/registry-url.js'
import { systemRandom } from '#lib/random.js'

/** A registry of a test, and what it has logged. */
export interface Opened {
  readonly registry: Registry
  readonly log: string[]
  /** Values by their keys. */
  values(): Record<string, string>
}

/** One that the end of the test closes; not started. */
export async function registryAt(
  t: TestContext,
  url: string,
  certificates: Partial<RegistryOptions> = {},
): Promise<Opened> {
  const log: string[] = []
  const say = (message: string): void => void log.push(message)
  const none = { registryCA: undefined, registryCertificate: undefined, registryKey: undefined }
  const registry = await createEtcdRegistry(
    { ...none, ...certificates, registry: parseRegistryAddress(url) },
    { clock: systemClock, random: systemRandom, logger: { info: say, warn: say, error: say } },
  )
  t.after(() => registry.close())
  const values = (): Record<string, string> =>
    Object.fromEntries([...registry.entries].map(([key, { value }]) => [key, value]))
  return { registry, log, values }
}

/** One that is started, and connected unless the test says otherwise. */
export async function connect(t: TestContext, url: string, certificates?: Partial<RegistryOptions>): Promise<Opened> {
  const opened = await registryAt(t, url, certificates)
  await opened.registry.start()
  assert.equal(opened.registry.state.reason, '')
  assert.equal(opened.registry.state.connected, true)
  return opened
}

/** Comes back when `holds` does, for what takes as long as a real cluster takes. */
export async function soon(holds: () => boolean, what: string, time: number): Promise<void> {
  const end = performance.now() + time
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited ${time} ms in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
