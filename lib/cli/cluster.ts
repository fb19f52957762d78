/** `start` with several processes: one manages, the others serve. */

import { ClusterService, type ClusterSettings } from './cluster-service.js'
import { exitCodes } from './command.js'
import { ConfigWatch } from './config-watch.js'
import { version } from './version.js'
import { describePools } from './words.js'

export interface RunClusterSettings extends ClusterSettings {
  /** Reload when the file, or one that it includes or names, changes. */
  readonly watch: boolean
  /** Resolves with the name of the signal that ends it; a second signal ends this process. */
  readonly stopped: Promise<string>
  /** Starts what belongs to the manager, the management API. Rejecting ends it all. */
  readonly manage?: (service: ClusterService) => Promise<{ close(): Promise<void> }>
}

/**
 * Serves until a signal says that it is over; returns the exit code. Rejects with a `ConfigError` or a `ListenError`
 * when it cannot begin.
 */
export async function runCluster(settings: RunClusterSettings): Promise<number> {
  const { processes, logger, clock, stopped, manage } = settings
  let reload = (): void => {}
  let reopen = (): void => {}
  process.on('SIGHUP', () => reload())
  process.on('SIGUSR1', () => reopen())
  const service = await ClusterService.open(settings)
  // From the first signal on: should a second one end this process, the others must not outlive it. They end by
  // themselves, with their requests, when it dies of something else.
  void stopped.then(() => process.on('exit', () => service.kill()))
  logger.info(`pointsman ${version()}, process ${process.pid} with ${processes} that serve, ${service.source}`)
  let managing: { close(): Promise<void> } | undefined
  try {
    managing = await manage?.(service)
  } catch (error) {
    await service.stop()
    throw error
  }
  const watch = settings.watch ? new ConfigWatch(service, clock) : undefined
  // Each serving process has the access log open for itself.
  reopen = () => {
    for (const pid of service.pids) {
      try {
        process.kill(pid, 'SIGUSR1')
      } catch {
        // It has just ended; the one that takes its place opens the file by itself.
      }
    }
  }
  reload = () => {
    reopen()
    void (watch ?? service).reload()
  }
  for (const line of describePools(service.proxy.pools)) logger.info(`entry ${line}`)
  for (const url of service.listeners.urls) logger.info(`listening on ${url}`)
  const signal = await stopped
  service.refuseNew()
  watch?.close()
  logger.info(`${signal}: finishing what is under way; a second signal ends it at once`)
  await service.stop()
  await managing?.close()
  logger.info('stopped')
  return exitCodes.ok
}
