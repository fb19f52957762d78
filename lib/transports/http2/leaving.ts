/**
 * The payload of a PING by which a worker says that it leaves: no new requests are sent to it. The answer tells it that all
 * that was sent before has arrived, and then it sends GOAWAY.
 *
 * The standard's own way, a GOAWAY that leaves room for further streams (RFC 9113 §6.8), is understood as well. Libraries
 * that take no new streams once they have sent any GOAWAY, as Node's does, cannot go it.
 */
export const leavingPing: Buffer = Buffer.from('leaving.', 'latin1')
