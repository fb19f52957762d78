import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SummedStates } from '#lib/cluster/states.js'
import type { StateChange } from '#lib/forward/control.js'
import type { ServerState } from '#lib/pool/server.js'

function states(): { sum: SummedStates; told: string[] } {
  const told: string[] = []
  const sum = new SummedStates(({ server, from, to, reason }) => void told.push(`${server} ${from}>${to} ${reason}`))
  return { sum, told }
}

function change(from: ServerState, to: ServerState, reason: string): StateChange {
  return { pool: 'a', server: 's', from, to, reason }
}

const [one, two] = [{ id: 1 }, { id: 2 }]

test('offline in several processes is told once, and up when the last one has it back', () => {
  const { sum, told } = states()
  sum.ofProcess(one, change('up', 'offline', 'refused'))
  sum.ofProcess(two, change('up', 'offline', 'refused too'))
  sum.ofProcess(one, change('offline', 'up', 'answered'))
  sum.ofProcess(two, change('offline', 'up', 'answered too'))
  assert.deepEqual(told, ['s up>offline refused', 's offline>up answered too'])
})

test('what only a process that has ended had found is taken back', () => {
  const { sum, told } = states()
  sum.ofProcess(one, change('up', 'offline', 'refused'))
  sum.ofProcess(two, change('up', 'offline', 'refused'))
  sum.forgetProcess(one)
  assert.equal(told.length, 1)
  sum.forgetProcess(two)
  assert.deepEqual(told.slice(1), ['s offline>up the process that had found it offline has ended'])
})

test('the manager is heard before the processes, and is not repeated by them', () => {
  const { sum, told } = states()
  sum.ofProcess(one, change('up', 'offline', 'refused'))
  sum.ofModel(change('up', 'down', 'status 500'))
  sum.ofProcess(one, change('offline', 'down', 'status 500'))
  sum.ofProcess(two, change('up', 'down', 'status 500'))
  sum.ofModel(change('down', 'up', 'status 200'))
  sum.ofProcess(one, change('down', 'up', 'status 200'))
  assert.deepEqual(told, ['s up>offline refused', 's offline>down status 500', 's down>up status 200'])
})

test('behind the manager a server is still offline where a process says so', () => {
  const { sum, told } = states()
  sum.ofModel(change('up', 'draining', 'asked for'))
  sum.ofProcess(one, change('draining', 'offline', 'refused'))
  sum.ofModel(change('draining', 'up', 'asked for'))
  assert.deepEqual(told, ['s up>draining asked for', 's draining>offline refused'])
})

test('a server that is gone is forgotten', () => {
  const { sum, told } = states()
  sum.ofProcess(one, change('up', 'offline', 'refused'))
  sum.keep((_, server) => server !== 's')
  sum.forgetProcess(one)
  sum.ofProcess(two, change('up', 'offline', 'refused again'))
  assert.deepEqual(told, ['s up>offline refused', 's up>offline refused again'])
})
