/** A small server to have something behind the proxy: it tells who answered. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Arguments, type Command, CommandError, exitCodes, UsageError } from './command.js'
import { untilStopped } from './signals.js'
import type { Terminal } from './terminal.js'

export const demoServer: Command = {
  name: 'demo-server',
  summary: 'One of the servers of the demo, to start it again.',
  usage: 'NAME HOST:PORT',
  takesPositionals: true,
  options: {},
  notes: 'Answers every request with its name, its address and its process id.',
  run,
}

/** What a server tells the demo that has started it. */
export type DemoServerMessage = 'listening' | { readonly code: string; readonly message: string }

async function run(args: Arguments, terminal: Terminal): Promise<number> {
  const [name, address] = args.positionals
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address ?? '')
  if (name === undefined || match === null || args.positionals.length > 2 || Number(match[3]) > 65535) {
    throw new UsageError('NAME and HOST:PORT are needed, as in: demo-server dynamic-1 127.0.0.1:9001')
  }
  const end = ended()
  process.title = `pointsman demo ${name}`
  const server = createServer((req, res) => answer(req, res, name, address!))
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('listening', resolve).once('error', reject)
      server.listen(Number(match[3]), match[1] ?? match[2])
    })
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    if (process.send === undefined) throw new CommandError(`cannot listen on ${address}: ${message}`)
    await send({ code, message })
    // The demo hears of the end of a process before it hears what that process has said last.
    await disconnected()
    return exitCodes.failure
  }
  if (process.send === undefined) terminal.out(`${name} listens on ${address}, process ${process.pid}`)
  else await send('listening')
  await end
  server.close()
  server.closeAllConnections()
  return exitCodes.ok
}

function answer(req: IncomingMessage, res: ServerResponse, name: string, address: string): void {
  req.resume()
  res.setHeader('Content-Type', 'text/plain; charset=utf-8')
  res.setHeader('X-Server', name)
  res.setHeader('X-Server-Process', String(process.pid))
  const text = `${name} (${address}, pid ${process.pid}) answered ${req.method} ${req.url}\n`
  res.setHeader('Content-Length', Buffer.byteLength(text))
  res.end(req.method === 'HEAD' ? undefined : text)
}

function send(message: DemoServerMessage): Promise<void> {
  return new Promise((resolve) => process.send!(message, undefined, undefined, () => resolve()))
}

/** By a signal, or by the end of the demo that has started it, however that came to its end. */
async function ended(): Promise<void> {
  if (process.send === undefined) {
    await untilStopped()
    return
  }
  // Ctrl-C reaches all processes of a terminal; the proxy still needs its servers to finish what is under way.
  process.on('SIGINT', () => {})
  await Promise.race([disconnected(), new Promise((resolve) => process.once('SIGTERM', resolve))])
  if (process.connected) process.disconnect()
}

function disconnected(): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.once('disconnect', resolve)
    else resolve()
  })
}
