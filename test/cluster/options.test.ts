import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import { clusterTable, parseProcesses } from '#lib/cluster/options.js'

test('Processes is a number or auto', () => {
  assert.equal(parseProcesses('1'), 1)
  assert.equal(parseProcesses('1024'), 1024)
  assert.equal(parseProcesses('auto'), availableParallelism())
  assert.equal(parseProcesses('AUTO'), availableParallelism())
  assert.equal(clusterTable.processes.default, 1)
})

test('what is no number of processes is refused, with the reason', () => {
  const cases: [text: string, message: RegExp][] = [
    ['0', /"0" is out of range; allowed: 1 to 1024/],
    ['1025', /out of range/],
    ['-2', /"-2" is out of range/],
    ['2.5', /"2.5" is neither a whole number nor "auto"/],
    ['all', /"all" is neither a whole number nor "auto"/],
    ['', /a value is missing/],
  ]
  for (const [text, message] of cases) assert.throws(() => parseProcesses(text), { message }, text)
})

test('a program can give a number, and the object says what the file said', () => {
  const { type } = clusterTable.processes
  assert.equal(type.accept(4), 4)
  assert.throws(() => type.accept(0), /out of range/)
  assert.throws(() => type.accept(true), /whole number/)
  for (const value of ['auto', 4]) assert.deepEqual(type.format(value), [String(value)])
})
