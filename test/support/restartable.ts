import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

/** A server in a process of its own, which can be killed and started again on the same port. */
export class Restartable {
  port = 0
  readonly #script: string
  readonly #log: string
  #child: ChildProcess | undefined

  /** `log`: the file to which the server adds a line for each POST. */
  constructor(script: string, log: string) {
    this.#script = script
    this.#log = log
  }

  async start(): Promise<void> {
    this.#child = fork(this.#script, [String(this.port), this.#log])
    const [port] = (await once(this.#child, 'message')) as [number]
    this.port = port
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
}
