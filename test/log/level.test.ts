import assert from 'node:assert/strict'
import { test } from 'node:test'
import { levelLogger } from '#lib/log/level.js'
import type { Level } from '#lib/log/options.js'

const expected: Readonly<Record<Level, readonly string[]>> = {
  debug: ['info i', 'warn w', 'error e'],
  info: ['info i', 'warn w', 'error e'],
  warn: ['warn w', 'error e'],
  error: ['error e'],
  silent: [],
}

for (const [level, lines] of Object.entries(expected)) {
  test(`${level} passes ${lines.length === 0 ? 'nothing' : lines.join(', ')}`, () => {
    const said: string[] = []
    // A logger that needs its own `this`, as pino does.
    class Own {
      readonly said = said
      info(message: string): void {
        this.said.push(`info ${message}`)
      }
      warn(message: string): void {
        this.said.push(`warn ${message}`)
      }
      error(message: string): void {
        this.said.push(`error ${message}`)
      }
    }
    const logger = levelLogger(new Own(), level as Level)
    logger.info('i')
    logger.warn('w')
    logger.error('e')
    assert.deepEqual(said, lines)
  })
}
