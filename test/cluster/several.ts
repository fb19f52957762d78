/** Real proxies in several processes: the manager, its serving processes, and the servers behind. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Change, Snapshot } from '#lib/forward/control.js'
import { folder } from '../support/process.js'
import { patiently } from './patience.js'

const program = fileURLToPath(new URL('./start-several.js', import.meta.url))

export class Several {
  readonly child: ChildProcess
  readonly file: string
  /** What it has written for people. */
  readonly lines: string[] = []
  stderr = ''
  readonly exited: Promise<[code: number | null, signal: string | null]>
  #answers: Record<string, unknown>[] = []
  #waiting: (() => void)[] = []

  constructor(t: TestContext, conf: string, processes = 2, watch = false) {
    this.file = `${folder(t, { 'proxy.conf': conf })}/proxy.conf`
    this.child = spawn(process.execPath, [program, this.file, String(processes), watch ? 'watch' : ''], {
      env: { ...process.env, NO_COLOR: '1' },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.exited = once(this.child, 'exit') as Promise<[number | null, string | null]>
    t.after(() => this.child.kill('SIGKILL'))
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      if (line.startsWith('#')) this.#answers.push(JSON.parse(line.slice(1)))
      else this.lines.push(line)
      for (const wake of this.#waiting.splice(0)) wake()
    })
  }

  /** Waits for a line, from line `from` on. */
  async line(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    const find = async (): Promise<RegExpExecArray> => {
      for (;;) {
        for (const line of this.lines.slice(from)) {
          const match = pattern.exec(line)
          if (match !== null) return match
        }
        await new Promise<void>((wake) => this.#waiting.push(wake))
      }
    }
    return patiently(find(), `${pattern} in\n${this.lines.join('\n')}\n`)
  }

  async url(): Promise<string> {
    return (await this.line(/listening on (http:\S+)/))[1]!
  }

  change(change: Change): Promise<Record<string, unknown>> {
    return this.#ask({ change })
  }

  async snapshot(): Promise<Snapshot> {
    return (await this.#ask({ snapshot: true })) as unknown as Snapshot
  }

  reload(): Promise<Record<string, unknown>> {
    return this.#ask({ reload: true })
  }

  async pids(): Promise<number[]> {
    return (await this.#ask({ pids: true })).pids as number[]
  }

  /** Waits until so many processes serve, none of them one of `except`; returns them. */
  async serving(count: number, except: readonly number[] = []): Promise<number[]> {
    const poll = async (): Promise<number[]> => {
      for (;;) {
        const pids = await this.pids()
        if (pids.length === count && !pids.some((pid) => except.includes(pid))) return pids
      }
    }
    return patiently(poll(), `${count} processes`)
  }

  async #ask(question: object): Promise<Record<string, unknown>> {
    this.child.stdin!.write(`${JSON.stringify(question)}\n`)
    const answered = async (): Promise<Record<string, unknown>> => {
      while (this.#answers.length === 0) await new Promise<void>((wake) => this.#waiting.push(wake))
      return this.#answers.shift()!
    }
    return patiently(answered(), `an answer to ${JSON.stringify(question)}`)
  }
}
