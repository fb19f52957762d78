import { resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../clock.js'
import { type FileWatch, watchFiles } from '../config/watch.js'

/** Something that runs by a file. */
export interface Reloadable {
  readonly proxy: { readonly files: readonly string[] }
  /** Reads the file again. `onRead` hears of the files that matter now as soon as they are read. */
  reload(onRead?: (files: readonly string[]) => void): Promise<void>
}

/** Reloads when one of the files changes. Which files those are may be another matter after each reload. */
export class ConfigWatch {
  readonly #service: Reloadable
  readonly #clock: Clock
  #files: readonly string[]
  #watch: FileWatch
  #closed = false

  constructor(service: Reloadable, clock: Clock) {
    this.#service = service
    this.#clock = clock
    this.#files = service.proxy.files
    this.#watch = this.#begin()
  }

  /** Reads the file again, and looks anew for what it names. */
  async reload(): Promise<void> {
    await this.#service.reload((files) => {
      const distinct = [...new Set(files.map((file) => resolve(file)))]
      // The watch knows what the files were like before they were read; so it stays as long as it can.
      if (this.#closed || isDeepStrictEqual(distinct, this.#files)) return
      this.#files = distinct
      this.#watch.close()
      this.#watch = this.#begin()
    })
  }

  close(): void {
    this.#closed = true
    this.#watch.close()
  }

  #begin(): FileWatch {
    return watchFiles(this.#files, () => void this.reload(), this.#clock)
  }
}
