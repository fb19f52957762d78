/** Why a worker is not connected to a proxy. It goes on trying, whatever the reason. */
export class WorkerError extends Error {
  override readonly name = 'WorkerError'
  /**
   * `ERR_WORKER_REFUSED`: what the worker says of itself is wrong, such as its token; tried again after half a minute.
   * `ERR_WORKER_UNWANTED`: the proxy has no use for it now: no entry lists its service, or it is about to stop.
   * `ERR_WORKER_UNREACHABLE`: nobody answers there.
   */
  readonly code: 'ERR_WORKER_REFUSED' | 'ERR_WORKER_UNWANTED' | 'ERR_WORKER_UNREACHABLE'
  /** Address of the proxy. */
  readonly proxy: string
  /** What it answered, if it did. */
  readonly status: number | undefined

  constructor(code: WorkerError['code'], message: string, proxy: string, status: number | undefined, cause?: Error) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.proxy = proxy
    this.status = status
  }
}
