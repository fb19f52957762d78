/**
 * Tells when files change, so that a configuration can be loaded again.
 *
 * Folders are watched rather than files: an editor that writes a new file and renames it leaves the watch of the old
 * one behind. An event only says that something happened in a folder. Whether one of the files is another than before
 * is told by looking at them, through symbolic links, which also finds the swap of a link that stands between (as
 * Kubernetes updates a mounted ConfigMap: `proxy.conf → ..data/proxy.conf`, `..data → ..2024_01_01`).
 */

import { type FSWatcher, readdirSync, realpathSync, statSync, watch } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Clock, Timer } from '../clock.js'

/** A watch that can be ended. */
export interface FileWatch {
  /** Ends it; harmless when it has ended. */
  close(): void
}

/** Milliseconds of silence before a change is told: editors and deployments touch several files in a row. */
const settleTime = 100

/**
 * Calls `onChange` each time one or more of `files` have changed, appeared or gone. A folder among them changes when
 * files in it come or go. The watch does not keep the process alive.
 */
export function watchFiles(files: readonly string[], onChange: () => void, clock: Clock): FileWatch {
  return new Watch(
    files.map((file) => resolve(file)),
    onChange,
    clock,
  )
}

class Watch implements FileWatch {
  readonly #files: readonly string[]
  readonly #onChange: () => void
  readonly #clock: Clock
  readonly #watchers = new Map<string, FSWatcher>()
  #seen: string
  #timer: Timer | undefined
  #closed = false

  constructor(files: readonly string[], onChange: () => void, clock: Clock) {
    this.#files = files
    this.#onChange = onChange
    this.#clock = clock
    this.#watchFolders()
    this.#seen = this.#look()
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  /** Watches the folder of each file, and that of what it links to; forgets those that no file is in any more. */
  #watchFolders(): void {
    const wanted = new Set(this.#files.flatMap(foldersOf))
    for (const [folder, watcher] of this.#watchers) {
      if (wanted.has(folder)) continue
      watcher.close()
      this.#watchers.delete(folder)
    }
    for (const folder of wanted) if (!this.#watchers.has(folder)) this.#watchFolder(folder)
  }

  #watchFolder(folder: string): void {
    let watcher: FSWatcher
    try {
      watcher = watch(folder, { persistent: false }, () => this.#stirred())
    } catch {
      // The folder does not exist; the one above it, which is watched in its place, will tell when it appears.
      return
    }
    this.#watchers.set(folder, watcher)
    watcher.on('error', () => {
      watcher.close()
      this.#watchers.delete(folder)
      this.#stirred()
    })
  }

  #stirred(): void {
    if (this.#closed) return
    this.#timer?.cancel()
    this.#timer = this.#clock.setTimeout(() => this.#check(), settleTime)
  }

  #check(): void {
    this.#watchFolders()
    const seen = this.#look()
    if (seen === this.#seen) return
    this.#seen = seen
    this.#onChange()
  }

  #look(): string {
    return this.#files.map(signature).join('\n')
  }
}

function foldersOf(file: string): string[] {
  const folders = new Set([existing(dirname(file))])
  try {
    const real = realpathSync(file)
    folders.add(dirname(real))
    if (statSync(real).isDirectory()) folders.add(real)
  } catch {
    // The file is not there; its folder tells when it comes.
  }
  return [...folders]
}

/** The folder itself, or the nearest one above that exists. */
function existing(folder: string): string {
  const above = dirname(folder)
  return above === folder || isFolder(folder) ? folder : existing(above)
}

function isFolder(name: string): boolean {
  try {
    return statSync(name).isDirectory()
  } catch {
    return false
  }
}

/** What changes whenever the content does; of a folder, what is in it. */
function signature(file: string): string {
  try {
    const stat = statSync(file, { bigint: true })
    if (stat.isDirectory()) return readdirSync(file).sort().join('/')
    return `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}`
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}
