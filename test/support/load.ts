/** Load from a process of its own, so that the test has its hands free. */

import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { Cleanup } from './upstream.js'

interface Report {
  readonly answered: number
  readonly sent: number
  /** How many requests ended so, by status or by what went wrong. */
  readonly results: Readonly<Record<string, number>>
}

export class Load {
  answered = 0
  readonly #child: ChildProcess
  readonly #waiting = new Set<() => void>()
  #report: Report | undefined
  #ended = false

  /**
   * Begins at once. `paths` take turns; `#` in them is the number of the request. `reopens`: a connection that ends is
   * opened again.
   */
  constructor(t: Cleanup, port: number, paths: readonly string[], { connections = 64, reopens = false } = {}) {
    const args = [port, connections, reopens ? 'reopens' : 'once', ...paths].map(String)
    this.#child = fork(join(import.meta.dirname, 'load-client.js'), args)
    this.#child.on('message', (message: { answered: number } | Report) => {
      this.answered = message.answered
      if ('results' in message) this.#report = message
      this.#wake()
    })
    this.#child.on('exit', () => {
      this.#ended = true
      this.#wake()
    })
    t.after(() => this.#child.kill('SIGKILL'))
  }

  /** So many requests have been answered. */
  async reached(count: number): Promise<void> {
    while (this.answered < count) {
      if (this.#report !== undefined) throw new Error(`the load ended early: ${JSON.stringify(this.#report)}`)
      await this.#more()
    }
  }

  /** A good part of all connections has had an answer since. */
  more(count = 200): Promise<void> {
    return this.reached(this.answered + count)
  }

  /** Lets the requests under way end; says how all of them did. */
  async stop(): Promise<Report> {
    if (this.#child.connected) this.#child.send('stop')
    while (this.#report === undefined) await this.#more()
    return this.#report
  }

  async #more(): Promise<void> {
    if (this.#ended) throw new Error('the process of the load ended')
    await new Promise<void>((resolve) => this.#waiting.add(resolve))
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}
