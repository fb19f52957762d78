import { MessageChannel } from 'node:worker_threads'

/**
 * Keeps the process alive until the returned function is called: timers of the clock do not, nor do connections that
 * wait for requests.
 */
export function keepAlive(): () => void {
  const { port1 } = new MessageChannel()
  port1.ref()
  return () => port1.close()
}
