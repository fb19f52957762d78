/**
 * A client of a TCP proxy.
 *
 *     node tcp.mjs PORT both BYTES             as many bytes each way at once; says `seconds`
 *     node tcp.mjs PORT connections SECONDS    one short connection after the other, 32 at a time; says `count`
 */

import { once } from 'node:events'
import { connect } from 'node:net'

const port = Number(process.argv[2])
const amount = Number(process.argv[4])

if (process.argv[3] === 'both') process.send?.({ seconds: await both() })
else process.send?.({ count: await connections() })
process.disconnect?.()

async function both() {
  const chunk = Buffer.alloc(64 * 1024, 'y')
  const begin = performance.now()
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  let received = 0
  socket.on('data', (data) => {
    received += data.length
  })
  const end = once(socket, 'end')
  await once(socket, 'connect')
  for (let sent = 0; sent < amount; sent += chunk.length) if (!socket.write(chunk)) await once(socket, 'drain')
  socket.end()
  await end
  if (received !== amount) throw new Error(`${received} of ${amount} bytes came back`)
  return (performance.now() - begin) / 1000
}

async function connections() {
  const end = performance.now() + amount * 1000
  let count = 0
  const each = async () => {
    while (performance.now() < end) {
      await one()
      count++
    }
  }
  await Promise.all(Array.from({ length: 32 }, each))
  return count
}

function one() {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.write('p')
    socket.resume()
    socket.once('error', reject)
    socket.once('close', resolve)
  })
}
