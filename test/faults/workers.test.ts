import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent, request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { freeze } from '../support/freeze.js'
import { call, found } from '../support/managed-command.js'
import { freePorts } from '../support/network.js'
import { folder, type Launched, launch } from '../support/process.js'

const script = join(import.meta.dirname, '../support/joining-worker.js')
/** Milliseconds after which a request hangs. */
const patience = 20_000

/** A proxy whose addresses stay the same when it is started again, and its workers. */
class Yard {
  readonly port: number
  readonly workersPort: number
  readonly management: string
  readonly folder: string
  readonly log: string
  readonly #t: TestContext
  readonly #workers = new Set<ChildProcess>()

  static async open(t: TestContext, more = '', balancer = 'Round-Robin'): Promise<Yard> {
    const ports = await freePorts(3)
    return new Yard(t, ports as [number, number, number], more, balancer)
  }

  private constructor(
    t: TestContext,
    [port, workersPort, management]: [number, number, number],
    more: string,
    balancer: string,
  ) {
    this.#t = t
    this.port = port
    this.workersPort = workersPort
    this.management = `http://127.0.0.1:${management}`
    this.folder = folder(t, {
      'proxy.conf': `${more}[PROXY_ENTRY]\nMatch /*\nServerList worker:api\nLoadBalance ${balancer}\n[LISTEN]\nAddress 127.0.0.1:${port}\n[WORKERS]\nListen 127.0.0.1:${workersPort}\n[MANAGEMENT]\nListen 127.0.0.1:${management}\n`,
      posts: '',
    })
    this.log = join(this.folder, 'posts')
    t.after(() => {
      for (const worker of this.#workers) worker.kill('SIGKILL')
    })
  }

  async start(): Promise<Launched> {
    const proxy = launch(this.#t, ['start'], { cwd: this.folder })
    await proxy.output(/workers dial in at/)
    return proxy
  }

  worker(): ChildProcess {
    const worker = fork(script, [this.log, `http://127.0.0.1:${this.workersPort}`])
    this.#workers.add(worker)
    return worker
  }

  /** So many workers take requests. */
  async has(count: number): Promise<void> {
    await found(async () => {
      const { json } = await call(this.management, 'GET', '/servers')
      return json.servers.length === count ? true : undefined
    }, `${count} workers`)
  }
}

/** GETs, and one POST in five, over so many connections. */
class Requests {
  readonly results = { GET: new Map<string, number>(), POST: new Map<string, number>() }
  done = 0
  /** Connections to the proxy may fail just now. */
  interrupted = false
  readonly #agent: Agent
  readonly #port: number
  readonly #loops: Promise<unknown>
  #ids = 0
  #stopping = false

  constructor(t: TestContext, port: number, connections: number) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
    this.#port = port
    this.#loops = Promise.all(Array.from({ length: connections }, () => this.#loop()))
    t.after(() => {
      this.#stopping = true
      this.#agent.destroy()
    })
  }

  async reached(count: number): Promise<void> {
    while (this.done < count) await new Promise((resolve) => setImmediate(resolve))
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#loops
  }

  async #loop(): Promise<void> {
    while (!this.#stopping) await this.#send(++this.#ids)
  }

  #send(id: number): Promise<void> {
    return new Promise((resolve) => {
      const method = id % 5 === 0 ? 'POST' : 'GET'
      let interrupted = this.interrupted
      const finish = (result: string): void => {
        interrupted ||= this.interrupted
        const told = interrupted && !/^\d+$/.test(result) ? 'interrupted' : result
        this.results[method].set(told, (this.results[method].get(told) ?? 0) + 1)
        this.done++
        // Not so fast that a proxy that is not there takes all of the time.
        if (told === 'interrupted') setTimeout(resolve, 10)
        else resolve()
      }
      const { port, agent } = { port: this.#port, agent: this.#agent }
      const req = httpRequest({ port, host: '127.0.0.1', agent, method, path: `/${id}`, headers: { 'X-Id': id } })
      req.setTimeout(patience, () => req.destroy(new Error('it hangs')))
      req.on('response', (res) => {
        res.resume()
        res.on('end', () => finish(String(res.statusCode)))
        res.on('error', (error) => finish(error.message))
      })
      req.on('error', (error) => finish(error.message))
      req.end(method === 'POST' ? 'x'.repeat(2000) : undefined)
    })
  }
}

for (const processes of [1, 2]) {
  test(`five workers under load, ${processes} serving: one is killed, two are started, and the proxy is started again`, {
    timeout: 90_000,
  }, async (t) => {
    const yard = await Yard.open(t, processes === 1 ? '' : `[CLUSTER]\nProcesses ${processes}\n`)
    // They come before the proxy does.
    const workers = Array.from({ length: 5 }, () => yard.worker())
    let proxy = await yard.start()
    await yard.has(5)
    const requests = new Requests(t, yard.port, 64)
    await requests.reached(3_000)
    const [killed] = workers
    killed!.kill('SIGKILL')
    await once(killed!, 'exit')
    await yard.has(4)
    await requests.reached(requests.done + 3_000)
    for (let i = 0; i < 2; i++) yard.worker()
    await yard.has(6)
    await requests.reached(requests.done + 3_000)

    requests.interrupted = true
    proxy.signal('SIGTERM')
    assert.deepEqual(await proxy.exited, { code: 0, signal: null })
    proxy = await yard.start()
    await yard.has(6)
    requests.interrupted = false
    await requests.reached(requests.done + 3_000)
    await requests.stop()

    const { GET, POST } = requests.results
    assert.deepEqual(
      [...GET.keys()].filter((result) => result !== '200' && result !== 'interrupted'),
      [],
    )
    assert.deepEqual(
      [...POST.keys()].filter((result) => !['200', '502', 'interrupted'].includes(result)),
      [],
    )
    assert.ok(GET.get('200')! > 8_000)
    const ids = readFileSync(yard.log, 'utf8').trim().split('\n')
    assert.equal(new Set(ids).size, ids.length, 'a POST reached workers twice')
    assert.ok(ids.length >= POST.get('200')!)
  })
}

test('a worker that stands still stops nobody else, and is found out within ten seconds', {
  timeout: 60_000,
}, async (t) => {
  // It gives nothing more to a server that keeps what it has got.
  const yard = await Yard.open(t, '', 'Least-Connections')
  const [still] = [yard.worker(), yard.worker()]
  await yard.start()
  await yard.has(2)
  await freeze(still!.pid!)
  const begun = performance.now()
  const requests = new Requests(t, yard.port, 16)
  await requests.reached(500)
  assert.equal((await call(yard.management, 'GET', '/servers')).json.servers.length, 2)
  await yard.has(1)
  const time = performance.now() - begun
  assert.ok(time < 15_000, `it took ${time} ms`)
  await requests.reached(requests.done + 100)
  await requests.stop()
  assert.deepEqual([...requests.results.GET.keys()], ['200'])
  assert.ok([...requests.results.POST.keys()].every((result) => result === '200' || result === '502'))
  still!.kill('SIGCONT')
  await yard.has(2)
})

for (const processes of [1, 2]) {
  test(`workers stay where they are while the file is read again, ${processes} serving`, {
    timeout: 30_000,
  }, async (t) => {
    const yard = await Yard.open(t, processes === 1 ? '' : `[CLUSTER]\nProcesses ${processes}\n`)
    yard.worker()
    const proxy = await yard.start()
    await yard.has(1)
    const requests = new Requests(t, yard.port, 4)
    await requests.reached(50)
    for (let i = 0; i < 2; i++) {
      assert.equal((await call(yard.management, 'POST', '/reload')).status, 200)
      // What a reload sets off may come behind its answer.
      await requests.reached(requests.done + 8)
      assert.equal((await call(yard.management, 'GET', '/servers')).json.servers.length, 1)
    }
    await requests.stop()
    assert.deepEqual([...requests.results.GET.keys()], ['200'])
    proxy.signal('SIGTERM')
    await proxy.exited
  })
}
