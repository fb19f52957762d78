import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { start, text } from './program.js'

test('plain Node: a server that is down is passed over, then left alone; the end is orderly', async (t) => {
  const program = await start(t, 'plain-node.mjs')
  const answers = []
  for (let index = 0; index < 6; index++) answers.push(await text(`${program.url}/`))
  const [one, two] = ['This is server one.\n', 'This is server two.\n']
  // Its two turns go to the next in turn; then it is out.
  assert.deepEqual(new Set(answers), new Set([one, two]))
  await program.written(/http:\/\/127\.0\.0\.1:1 is offline/)
  const later = [await text(`${program.url}/`), await text(`${program.url}/`), await text(`${program.url}/`)]
  assert.equal(later[0], later[2])
  assert.notEqual(later[0], later[1])
  const exited = once(program.process, 'exit')
  program.process.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
})

test('own balancer: the zone that the client asks for, and another one when it is down', async (t) => {
  const { url } = await start(t, 'own-balancer.mjs')
  const from = (zone: string): Promise<string> => text(url, { headers: { 'X-Zone': zone } })
  assert.deepEqual(
    [await from('oslo'), await from('oslo'), await from('oslo')],
    ['This is oslo 1.\n', 'This is oslo 2.\n', 'This is oslo 1.\n'],
  )
  assert.deepEqual([await from('rome'), await from('rome')], ['This is rome 1.\n', 'This is rome 1.\n'])
  assert.match(await from('bern'), /^This is (oslo|rome) \d\.\n$/)
  assert.match(await text(url), /^This is (oslo|rome) \d\.\n$/)
})
