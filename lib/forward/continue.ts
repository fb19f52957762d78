/**
 * `Expect: 100-continue` (RFC 9110 §10.1.1) is for the server to answer. Node would answer it before anybody has seen
 * the request; here it is answered when somebody else than the proxy begins to read the body.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'

const waiting = new WeakSet<IncomingMessage>()

/** Holds the answer to the expectation of `req` back until its body is read. */
export function continueWhenRead(req: IncomingMessage, res: ServerResponse): void {
  waiting.add(req)
  const read = req._read
  req._read = (size) => {
    req._read = read
    if (waiting.delete(req) && !res.headersSent && !res.writableEnded) res.writeContinue()
    req._read(size)
  }
}

/** The proxy reads this body: its server answers the expectation. */
export function leaveContinueToServer(req: IncomingMessage): void {
  waiting.delete(req)
}
