import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { OptionType, ValueText } from '#lib/config/section.js'
import { type LogOptions, logTable } from '#lib/log/options.js'

/** The value of a file in /etc/proxy, resolved. */
function read<Name extends keyof LogOptions>(name: Name, text: string): LogOptions[Name] {
  const type = logTable[name].type as OptionType<unknown, LogOptions[Name]>
  return type.resolve(type.parse({ text, directory: '/etc/proxy', words: [] } as unknown as ValueText), {} as never)
}

/** The value of an object, resolved. */
function take<Name extends keyof LogOptions>(name: Name, value: unknown): LogOptions[Name] {
  const type = logTable[name].type as OptionType<unknown, LogOptions[Name]>
  return type.resolve(type.accept(value), {} as never)
}

test('the defaults: info, no access log, combined', () => {
  assert.equal(take('level', logTable.level.default), 'info')
  assert.equal(take('accessLog', logTable.accessLog.default), undefined)
  assert.equal(take('format', logTable.format.default), 'combined')
})

test('Level and Format are words, whatever their case', () => {
  for (const level of ['debug', 'info', 'warn', 'error', 'silent']) assert.equal(read('level', level), level)
  assert.equal(read('level', 'WARN'), 'warn')
  assert.equal(read('format', 'JSON'), 'json')
  assert.throws(() => read('level', 'warm'), /unknown level "warm"; did you mean "warn"\?/)
  assert.throws(() => take('format', 3), /expected combined or json, not 3/)
})

test('AccessLog: Off, stdout, or a file that is named from the folder of the configuration', () => {
  assert.equal(read('accessLog', 'Off'), undefined)
  assert.equal(read('accessLog', 'Stdout'), 'stdout')
  assert.equal(read('accessLog', 'logs/access.log'), '/etc/proxy/logs/access.log')
  assert.equal(read('accessLog', '/var/log/access.log'), '/var/log/access.log')
  assert.equal(read('accessLog', './stdout'), '/etc/proxy/stdout')
  assert.equal(take('accessLog', false), undefined)
  assert.equal(take('accessLog', 'access.log'), join(process.cwd(), 'access.log'))
  assert.throws(() => read('accessLog', ''), /a value is missing; expected stdout or a file/)
  assert.throws(() => read('accessLog', 'logs/'), /\/etc\/proxy\/logs\/ is a folder/)
  assert.throws(() => take('accessLog', 3), /expected "stdout" or the name of a file, not 3/)
})

test('a value is written as it is read', () => {
  const { type } = logTable.accessLog as { type: OptionType<unknown, unknown> }
  for (const value of [false, 'stdout', '/var/log/my access.log']) {
    const [written] = type.format(value)
    const text = written!.startsWith('"') ? (JSON.parse(written!) as string) : written!
    assert.equal(type.parse({ text, directory: '/', words: [] } as unknown as ValueText), value)
  }
})
