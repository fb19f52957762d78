/**
 * Run as a process: a worker that dials in at the addresses of its arguments, and answers as `logging-server` does. The
 * first argument is the file to which it adds a line for each POST.
 */
import { appendFileSync } from 'node:fs'
import { joinProxy } from '#lib/workers/join.js'

const [log, ...proxies] = process.argv.slice(2)
const joined = joinProxy(
  (req, res) => {
    if (req.method === 'POST') appendFileSync(log!, `${req.headers['x-id']}\n`)
    req.resume()
    req.on('end', () => setImmediate(() => res.end(`answered by ${process.pid}`)))
  },
  proxies,
  { service: 'api', logger: false },
)
joined.on('joined', () => process.send?.('joined'))
joined.on('error', () => {})
process.on('disconnect', () => process.exit())
process.on('SIGTERM', () => {
  void joined.leave().then(() => process.exit())
})
