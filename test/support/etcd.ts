/** A real etcd, where it is installed. `ETCD` and `ETCDCTL` name the programs; else they are those of the path. */

import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { freeze } from './freeze.js'
import { within } from './wire.js'

const etcd = process.env.ETCD ?? 'etcd'
const etcdctl = process.env.ETCDCTL ?? 'etcdctl'

/** Why tests of etcd cannot run here; false: they can. */
export const noEtcd: string | false = [
  [etcd, '--version'],
  [etcdctl, 'version'],
].every(([program, argument]) => spawnSync(program!, [argument!]).status === 0)
  ? false
  : 'there is no etcd here; install etcd-server and etcd-client, or name the programs in ETCD and ETCDCTL'

/** How long an etcd may take to start, in milliseconds. */
const patience = 30_000

export interface EtcdOptions {
  /** Names of files in PEM: clients speak TLS, and show a certificate. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string }
  /** All members of its cluster by their names, with the URLs at which they talk to each other. Default: itself. */
  readonly cluster?: Readonly<Record<string, string>>
  readonly name?: string
  readonly port?: number
}

/** One member. */
export class Etcd {
  readonly port: number
  readonly peerPort: number
  readonly #options: EtcdOptions
  readonly #directory: string
  #process: ChildProcess | undefined

  private constructor(options: EtcdOptions, port: number, peerPort: number) {
    this.#options = options
    this.port = options.port ?? port
    this.peerPort = peerPort
    this.#directory = mkdtempSync(join(tmpdir(), 'pointsman-etcd-'))
  }

  /** One that is ready, and that the end of the test stops. */
  static async start(t: TestContext, options: EtcdOptions = {}): Promise<Etcd> {
    const member = new Etcd(options, await freePort(), await freePort())
    t.after(() => member.#remove())
    await member.start()
    return member
  }

  /** Three members of one cluster. */
  static async startThree(t: TestContext): Promise<Etcd[]> {
    const ports = await Promise.all([freePort(), freePort(), freePort()])
    const cluster = Object.fromEntries(ports.map((port, at) => [`m${at}`, `http://127.0.0.1:${port}`]))
    const members = await Promise.all(
      ports.map(async (peer, at) => new Etcd({ cluster, name: `m${at}` }, await freePort(), peer)),
    )
    for (const member of members) t.after(() => member.#remove())
    await Promise.all(members.map((member) => member.start()))
    return members
  }

  get pid(): number {
    return this.#process!.pid!
  }

  /** Begins, or begins again with the data that it had. */
  async start(): Promise<void> {
    const { tls, name = 'm0', cluster } = this.#options
    const peer = `http://127.0.0.1:${this.peerPort}`
    const client = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.port}`
    const members = Object.entries(cluster ?? { [name]: peer }).map(([each, url]) => `${each}=${url}`)
    const process = spawn(
      etcd,
      [
        ...['--name', name, '--data-dir', join(this.#directory, 'data'), '--logger', 'zap'],
        ...['--listen-client-urls', client, '--advertise-client-urls', client],
        ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
        ...['--initial-cluster', members.join(',')],
        ...(tls === undefined ? [] : ['--cert-file', tls.cert, '--key-file', tls.key, '--trusted-ca-file', tls.ca]),
        ...(tls === undefined ? [] : ['--client-cert-auth']),
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    this.#process = process
    let log = ''
    const ready = new Promise<void>((resolve, reject) => {
      process.on('error', reject)
      process.on('exit', () => reject(new Error(`etcd has ended:\n${log.slice(-2000)}`)))
      process.stderr!.on('data', (data: Buffer) => {
        if (log.length < 100_000) log += data.toString()
        if (/"serving client traffic /.test(log)) resolve()
      })
    })
    await within(ready, 'etcd', patience)
  }

  /** Ends at once, and resolves when it has. */
  async kill(): Promise<void> {
    const process = this.#process
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) return
    const ended = once(process, 'exit')
    process.kill('SIGKILL')
    await ended
  }

  /** Holds still; it is not told from a machine that has gone. */
  async freeze(): Promise<void> {
    const pid = this.#process?.pid
    if (pid !== undefined) await freeze(pid)
  }

  thaw(): void {
    this.#process?.kill('SIGCONT')
  }

  /** Forgets everything it had stored; only while it does not run. */
  wipe(): void {
    rmSync(join(this.#directory, 'data'), { recursive: true, force: true })
  }

  /** Runs `etcdctl`, and returns what it wrote. */
  async ctl(...args: string[]): Promise<string> {
    const { tls } = this.#options
    const secure = tls === undefined ? [] : ['--cacert', tls.ca, '--cert', tls.cert, '--key', tls.key]
    const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.port}`
    const { stdout } = await promisify(execFile)(etcdctl, ['--endpoints', url, ...secure, ...args], {
      env: { ...process.env, ETCDCTL_API: '3' },
    })
    return stdout
  }

  /** Grants a lease, and returns its id as `put --lease` takes it. */
  async lease(seconds: number): Promise<string> {
    return /lease (\w+) granted/.exec(await this.ctl('lease', 'grant', String(seconds)))![1]!
  }

  async #remove(): Promise<void> {
    await this.kill()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

/** etcd has to be told its ports, so another may be faster to take one; then its start says so. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
