/**
 * Run as a process: GETs over so many kept-alive connections, one after the other on each, until it is told to stop.
 * A connection that ends, or an answer that is not whole, is counted as an error; whether another one is opened in its
 * place is for who starts it to say.
 */
import { connect, type Socket } from 'node:net'

const [port, connections, reopens, ...paths] = process.argv.slice(2)
/** By status, or by what went wrong. */
const results: Record<string, number> = {}
let answered = 0
let sent = 0
let open = 0
let stopping = false

function count(result: string): void {
  results[result] = (results[result] ?? 0) + 1
  answered++
  // Not of each: the parent would have as much to do as the proxy.
  if (answered % 100 === 0) process.send?.({ answered })
}

function run(): void {
  const socket = connect(Number(port), '127.0.0.1')
  socket.setNoDelay(true)
  let text = ''
  open++
  let connected = false
  socket.on('connect', () => {
    connected = true
    next(socket)
  })
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    const length = lengthOf(text)
    if (length === undefined || text.length < length) return
    if (Number.isNaN(length)) count('an answer without Content-Length')
    else count(text.length === length ? text.slice(9, 12) : 'bytes behind an answer')
    text = ''
    next(socket)
  })
  socket.on('error', (error: NodeJS.ErrnoException) => count(`error ${error.code}${connected ? '' : ' of connect'}`))
  socket.on('end', () => {
    if (!stopping) count(`a connection ended, with ${JSON.stringify(text.slice(0, 200))}`)
    socket.destroy()
  })
  socket.on('close', () => {
    open--
    if (reopens === 'reopens' && !stopping) return run()
    if (open === 0) process.send?.({ answered, sent, results })
  })
}

function next(socket: Socket): void {
  if (stopping) return void socket.destroy()
  const path = paths[sent % paths.length]!.replace('#', String(sent))
  sent++
  socket.write(`GET ${path} HTTP/1.1\r\nHost: test\r\nUser-Agent: load\r\n\r\n`)
}

/** Of the whole message; undefined as long as its head is not there. */
function lengthOf(text: string): number | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [, length] = /\r\ncontent-length: (\d+)\r\n/i.exec(text.slice(0, end + 2)) ?? []
  return length === undefined ? Number.NaN : end + 4 + Number(length)
}

process.on('message', () => {
  stopping = true
})
process.on('disconnect', () => process.exit())
for (let i = 0; i < Number(connections); i++) run()
