/** What a router tells those who listen. */

import type { TcpConnection } from './client.js'

/** A connection that is over. */
export interface TcpSummary {
  /** The server it went to, or that was tried last; undefined when none was chosen. */
  readonly remote: string | undefined
  /** Bytes from the client. */
  readonly received: number
  /** Bytes to the client. */
  readonly sent: number
  /** Milliseconds from the accept to the end. */
  readonly duration: number
  /** Why it was ended, if it did not end by itself: a {@link TcpError}, or why there was no connection to a server. */
  readonly error: Error | undefined
}

/** The events of a router. */
export interface TcpRouterEvents {
  /** A client was accepted. */
  connection: [connection: TcpConnection]
  /** A connection is over, however it ended. */
  close: [connection: TcpConnection, summary: TcpSummary]
  /**
   * No server could be reached, after all retries, or the server closed the connection without a byte. The client is
   * closed. Not told when the client has left before.
   */
  connectError: [remote: string, error: Error, connection: TcpConnection]
  /** The server sent nothing within `inactivityTimeout`. Both are closed. Not told when the client has left before. */
  inactivityError: [remote: string, error: Error, connection: TcpConnection]
  /**
   * A connection was closed for what its client or the route did; or, without a connection, accepting failed. Nothing
   * happens when nobody listens.
   */
  error: [error: Error, connection: TcpConnection | undefined]
}

/** How many connections there are. */
export interface TcpCounts {
  readonly current: number
  /** The most at once. */
  readonly peak: number
  /** Since the router was made. */
  readonly total: number
}
