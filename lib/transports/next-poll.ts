/**
 * Calls back once the event loop has polled its sockets again, and so seen all that has arrived by now. One immediate
 * serves everybody who waits in the same turn.
 */
export class NextPoll {
  /** Those who have come since the last check phase: the loop has not polled for them yet. */
  #joined: (() => void)[] = []
  /** Those for whom it has, by the next check phase. */
  #due: (() => void)[] = []
  #scheduled = false

  wait(callback: () => void): void {
    this.#joined.push(callback)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#check())
  }

  #check(): void {
    this.#scheduled = false
    const due = this.#due
    this.#due = this.#joined
    this.#joined = []
    if (this.#due.length > 0) this.#schedule()
    for (const callback of due) callback()
  }
}
