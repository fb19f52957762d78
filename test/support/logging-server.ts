/** Run as a process: answers everything, a little late, and writes the id of each POST down before it does. */
import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const [port, log] = process.argv.slice(2)
const server = createServer((req, res) => {
  if (req.method === 'POST') appendFileSync(log!, `${req.headers['x-id']}\n`)
  req.resume()
  req.on('end', () => setImmediate(() => res.end(`answered by ${process.pid}`)))
})
server.listen(Number(port), '127.0.0.1', () => process.send!((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit())
