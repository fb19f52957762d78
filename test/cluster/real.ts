/** The fixture as processes of their own, and clients that open a connection for each request. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { get } from 'node:http'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { patiently } from './patience.js'

const fixture = fileURLToPath(new URL('./fixture.js', import.meta.url))

type Line = Record<string, unknown>

export class RealCluster {
  readonly child: ChildProcess
  readonly lines: Line[] = []
  readonly exited: Promise<[code: number | null, signal: string | null]>
  #waiting: (() => void)[] = []

  constructor(t: TestContext, processes: number, address = '127.0.0.1:0') {
    this.child = spawn(process.execPath, [fixture, 'manager', String(processes), address], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.exited = once(this.child, 'exit') as Promise<[number | null, string | null]>
    t.after(() => this.child.kill('SIGKILL'))
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      this.lines.push(JSON.parse(line))
      for (const wake of this.#waiting.splice(0)) wake()
    })
  }

  /** The first line, from `from` on, that has this key. */
  async line(key: string, from = 0): Promise<Line> {
    return patiently(this.#line(key, from), `a line with ${key}`)
  }

  /** Has the manager do something; returns what it says. */
  async command(name: string, value = ''): Promise<Line> {
    const from = this.lines.length
    this.child.stdin!.write(`${name} ${value}\n`)
    const answer = async (): Promise<Line> => {
      for (;;) {
        const found = this.lines.slice(from).find(({ done, failed }) => done === name || failed === name)
        if (found !== undefined) return found
        await this.#more()
      }
    }
    return patiently(answer(), `the answer to ${name}`)
  }

  async pids(): Promise<number[]> {
    return (await this.command('pids')).pids as number[]
  }

  /** Waits until so many processes serve; returns them. */
  async serving(count: number, except: number[] = []): Promise<number[]> {
    const poll = async (): Promise<number[]> => {
      for (;;) {
        const pids = await this.pids()
        if (pids.length === count && !pids.some((pid) => except.includes(pid))) return pids
      }
    }
    return patiently(poll(), `${count} processes`)
  }

  async #line(key: string, from: number): Promise<Line> {
    for (;;) {
      const found = this.lines.slice(from).find((line) => key in line)
      if (found !== undefined) return found
      await this.#more()
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}

export interface Reply {
  readonly pid: number
  readonly servers: string[]
}

/** One request on a connection of its own. `onHead` hears that the answer has begun. */
export function ask(to: string | { socketPath: string; path: string }, onHead = (): void => {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { hostname, port, pathname, search } = new URL(typeof to === 'string' ? to : 'http://localhost/')
    const place = typeof to === 'string' ? { hostname, port, path: pathname + search } : to
    const req = get({ ...place, agent: false }, (res) => {
      onHead()
      let text = ''
      res.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      res.on('end', () => resolve(JSON.parse(text)))
      res.on('error', reject)
    })
    req.on('error', reject)
  })
}
