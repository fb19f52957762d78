/** Why a connection was ended that did not end by itself. */
export type TcpErrorCode =
  | 'ERR_TCP_ROUTE'
  | 'ERR_TCP_DECISION_TIMEOUT'
  | 'ERR_TCP_BUFFER_FULL'
  | 'ERR_TCP_PROXY_HEADER'
  | 'ERR_TCP_SILENT_CLOSE'
  | 'ERR_TCP_INACTIVITY'
  | 'ERR_TCP_IDLE'
  | 'ERR_TCP_BROKEN'
  | 'ERR_TCP_CUT'

/**
 * A connection that was ended, by its `code`:
 *
 * - `ERR_TCP_ROUTE`: the route threw, and `cause` is what; or it returned what is no decision.
 * - `ERR_TCP_DECISION_TIMEOUT`: no decision within `decisionTimeout`.
 * - `ERR_TCP_BUFFER_FULL`: no decision with more than `maxBuffer` bytes.
 * - `ERR_TCP_PROXY_HEADER`: no header of the PROXY protocol where one has to be.
 * - `ERR_TCP_SILENT_CLOSE`: the server closed the connection without a byte.
 * - `ERR_TCP_INACTIVITY`: no byte of the server within `inactivityTimeout`.
 * - `ERR_TCP_IDLE`: no byte of either side within `idleTimeout`.
 * - `ERR_TCP_BROKEN`: one side broke off.
 * - `ERR_TCP_CUT`: the router was closed, and the time for it was over.
 */
export class TcpError extends Error {
  override readonly name = 'TcpError'
  readonly code: TcpErrorCode

  constructor(code: TcpErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
