// A worker: it dials the proxy, and serves what the proxy sends back over that connection. No port is opened here, and
// the order does not matter: start as many as you like, before the proxy or after it.
//
//   node examples/worker.mjs worker-1
//
// PROXY is where proxies take workers, several with spaces between: by default 127.0.0.1:8000, where "pointsman start"
// without a file does.
import { joinProxy } from 'pointsman/worker'

const name = process.argv[2] ?? 'worker-1'
const proxies = (process.env.PROXY ?? 'http://127.0.0.1:8000').split(' ')

const joined = joinProxy((_req, res) => res.end(`Hello from ${name}\n`), proxies)

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => joined.leave()) // Answers what is under way; then nothing keeps the process.
}
