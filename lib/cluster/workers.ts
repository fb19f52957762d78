import type { DialledIn } from '../forward/control.js'

/**
 * The workers that have dialled in to the serving processes. Each of them has a connection to every process, so that it is
 * there as long as one process has it.
 */
export class Workers {
  readonly #byProcess = new Map<object, readonly DialledIn[]>()

  get all(): readonly DialledIn[] {
    const workers = [...this.#byProcess.values()].flat()
    return [...new Map(workers.map((worker) => [`${worker.service}/${worker.instance}`, worker])).values()]
  }

  /** All that a process has. */
  ofProcess(process: object, workers: readonly DialledIn[]): void {
    this.#byProcess.set(process, workers)
  }

  /** A process is no more. False: it had none. */
  forgetProcess(process: object): boolean {
    const had = (this.#byProcess.get(process)?.length ?? 0) > 0
    this.#byProcess.delete(process)
    return had
  }
}
