import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Serving, serveUntilStopped } from '#lib/cli/serving.js'
import { ManualClock } from '../support/clock.js'

test('a HUP that comes while it starts is not forgotten', async () => {
  const done: string[] = []
  const service = {
    description: 'a test',
    proxy: { files: [] },
    loaded: { resolved: { entries: [], tcp: [] } },
    listeners: { urls: [] },
    reload: async () => void done.push('reload'),
    reopenLog: () => void done.push('reopen'),
    refuseNew: () => {},
    stop: async () => void done.push('stop'),
  } as unknown as Serving
  const signals = ['SIGHUP', 'SIGUSR1'] as const
  const before = signals.map((name) => process.listeners(name))
  const open = async (): Promise<Serving> => {
    process.emit('SIGHUP')
    process.emit('SIGHUP')
    assert.deepEqual(done, [])
    return service
  }
  const ignore = (): void => {}
  const logger = { info: ignore, warn: ignore, error: ignore }
  const clock = new ManualClock()
  try {
    const code = await serveUntilStopped(open, { logger, clock, watch: false, stopped: Promise.resolve('SIGTERM') })
    assert.equal(code, 0)
    // What it had read may have been the old file; its log is new in any case.
    assert.deepEqual(done, ['reload', 'stop'])
  } finally {
    for (const [i, name] of signals.entries()) {
      for (const listener of process.listeners(name)) if (!before[i]!.includes(listener)) process.off(name, listener)
    }
  }
})
