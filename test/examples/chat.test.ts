import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { start, text } from './program.js'

test('websocket-chat: two clients hear each other through the proxy', async (t) => {
  const { url } = await start(t, 'websocket-chat/server.mjs')
  assert.match(await text(`${url}/`), /<title>Chat<\/title>/)

  const address = new URL('chat', url.replace(/^http/, 'ws'))
  const [ada, ben] = [new WebSocket(address), new WebSocket(address)]
  await Promise.all([once(ada, 'open'), once(ben, 'open')])
  assert.equal(await text(`${url}/chat`), '2 in the room\n')

  const say = async (who: WebSocket, words: string): Promise<string[]> => {
    const heard = Promise.all([ada, ben].map(async (each) => String((await once(each, 'message'))[0])))
    who.send(words)
    return heard
  }
  assert.deepEqual(await say(ada, 'Hello, Ben'), ['Hello, Ben', 'Hello, Ben'])
  assert.deepEqual(await say(ben, 'Grüße, Ada'), ['Grüße, Ada', 'Grüße, Ada'])
  const long = 'x'.repeat(200_000)
  assert.deepEqual(await say(ada, long), [long, long])

  const closed = once(ada, 'close')
  ada.close(1000)
  assert.equal((await closed)[0], 1000)
  const gone = once(ben, 'close')
  ben.close()
  await gone
})

test('websocket-chat: elsewhere no WebSocket is taken', async (t) => {
  const { url } = await start(t, 'websocket-chat/server.mjs')
  const socket = new WebSocket(url.replace(/^http/, 'ws'))
  const [error] = await once(socket, 'error')
  assert.match(error.message, /404/)
})
