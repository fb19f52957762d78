import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createProxy } from '#lib/create.js'
import type { LocalControl } from '#lib/forward/control.js'
import { ManualClock } from '../support/clock.js'
import { folder } from '../support/process.js'

/** The control of a proxy that runs with this file; its servers are not asked whether they are there. */
export function realControl(t: TestContext, configuration: string): LocalControl {
  const file = join(folder(t, { 'proxy.conf': configuration }), 'proxy.conf')
  const proxy = createProxy(file, { clock: new ManualClock(), logger: false, activeChecks: false })
  t.after(() => proxy.close({ timeout: 0 }))
  return proxy.control
}
