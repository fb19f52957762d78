/**
 * Every way in which a request can fail, in one table. An error carries the decisions that follow from it, so that
 * nobody has to guess them from a message: the status for the client, whose fault it is, and whether another try is
 * safe. `docs/errors.md` lists the same table, and a test compares the two.
 */

/** Whose fault a failure is. Only a server's failures count against its health. */
export type Fault = 'client' | 'server' | 'proxy'

/**
 * Whether the request may be tried again, as far as the failure itself tells. `anywhere`: the server cannot have seen
 * the request, so any request may go to another server. `if-safe`: it may have; only a request that may be sent twice
 * (RFC 9110 §9.2.2) is tried again. `never`: it would fail again, or the answer has begun.
 */
export type Retry = 'never' | 'if-safe' | 'anywhere'

/** The code of a {@link ProxyError}. */
export type ErrorCode =
  | 'ERR_BAD_REQUEST'
  | 'ERR_AMBIGUOUS_TARGET'
  | 'ERR_NOT_FOUND'
  | 'ERR_REQUEST_TIMEOUT'
  | 'ERR_BODY_TOO_LARGE'
  | 'ERR_HEADERS_TOO_LARGE'
  | 'ERR_CLIENT_GONE'
  | 'ERR_LOOP'
  | 'ERR_CONNECT_REFUSED'
  | 'ERR_CONNECT_FAILED'
  | 'ERR_CONNECT_DNS'
  | 'ERR_CONNECT_TIMEOUT'
  | 'ERR_CONNECT_TLS'
  | 'ERR_CONNECT_CERTIFICATE'
  | 'ERR_CONNECTION_LOST'
  | 'ERR_STREAM_REFUSED'
  | 'ERR_STREAM_RESET'
  | 'ERR_RESPONSE_TIMEOUT'
  | 'ERR_RESPONSE_INVALID'
  | 'ERR_RESPONSE_STATUS'
  | 'ERR_UPGRADE_INVALID'
  | 'ERR_RESPONSE_INCOMPLETE'
  | 'ERR_IDLE_TIMEOUT'
  | 'ERR_NO_SERVER'
  | 'ERR_QUEUE_FULL'
  | 'ERR_QUEUE_TIMEOUT'
  | 'ERR_CLOSED'
  | 'ERR_BODY_CONSUMED'
  | 'ERR_INTERNAL'

export interface Decision {
  /** Status for the client; 499 is written to logs only. */
  readonly status: number
  readonly fault: Fault
  readonly retry: Retry
  /** The error type of `Proxy-Status` (RFC 9209 §2.3), where there is one. */
  readonly proxyStatus: string | undefined
  /** What the client is told; nothing about the inside. */
  readonly text: string
}

function decision(status: number, fault: Fault, retry: Retry, proxyStatus: string | undefined, text: string): Decision {
  return { status, fault, retry, proxyStatus, text }
}

const badGateway = 'The server behind this proxy did not answer properly.'
const unavailable = 'No server is available for this request at the moment.'
const tooSlow = 'The server behind this proxy did not answer in time.'

/** Code → decision. */
export const errorTable: Readonly<Record<ErrorCode, Decision>> = {
  // The client's side.
  ERR_BAD_REQUEST: decision(400, 'client', 'never', 'http_request_error', 'The request is malformed.'),
  ERR_AMBIGUOUS_TARGET: decision(
    400,
    'client',
    'never',
    'http_request_error',
    'The address of the request is ambiguous.',
  ),
  ERR_NOT_FOUND: decision(404, 'client', 'never', undefined, 'Nothing is served at this address.'),
  ERR_REQUEST_TIMEOUT: decision(408, 'client', 'never', 'http_request_error', 'The request did not arrive in time.'),
  ERR_BODY_TOO_LARGE: decision(413, 'client', 'never', 'http_request_error', 'The body of the request is too large.'),
  ERR_HEADERS_TOO_LARGE: decision(
    431,
    'client',
    'never',
    'http_request_error',
    'The header of the request is too large.',
  ),
  ERR_CLIENT_GONE: decision(499, 'client', 'never', undefined, 'The client closed the connection.'),
  ERR_LOOP: decision(
    508,
    'client',
    'never',
    'proxy_loop_detected',
    'The request came back to this proxy again and again.',
  ),
  // No connection: the server has seen nothing.
  ERR_CONNECT_REFUSED: decision(502, 'server', 'anywhere', 'connection_refused', badGateway),
  ERR_CONNECT_FAILED: decision(502, 'server', 'anywhere', 'destination_unavailable', badGateway),
  ERR_CONNECT_DNS: decision(502, 'server', 'anywhere', 'dns_error', badGateway),
  ERR_CONNECT_TIMEOUT: decision(504, 'server', 'anywhere', 'connection_timeout', tooSlow),
  ERR_CONNECT_TLS: decision(502, 'server', 'anywhere', 'tls_protocol_error', badGateway),
  ERR_CONNECT_CERTIFICATE: decision(502, 'server', 'anywhere', 'tls_certificate_error', badGateway),
  // A connection, but no answer.
  ERR_CONNECTION_LOST: decision(502, 'server', 'if-safe', 'connection_terminated', badGateway),
  ERR_STREAM_REFUSED: decision(502, 'server', 'anywhere', 'connection_limit_reached', badGateway),
  ERR_STREAM_RESET: decision(502, 'server', 'if-safe', 'http_protocol_error', badGateway),
  ERR_RESPONSE_TIMEOUT: decision(504, 'server', 'if-safe', 'http_response_timeout', tooSlow),
  ERR_RESPONSE_INVALID: decision(502, 'server', 'if-safe', 'http_protocol_error', badGateway),
  ERR_RESPONSE_STATUS: decision(502, 'server', 'if-safe', 'http_protocol_error', badGateway),
  ERR_UPGRADE_INVALID: decision(502, 'server', 'never', 'http_upgrade_failed', badGateway),
  // The answer had begun.
  ERR_RESPONSE_INCOMPLETE: decision(502, 'server', 'never', 'http_response_incomplete', badGateway),
  ERR_IDLE_TIMEOUT: decision(504, 'server', 'never', 'connection_read_timeout', tooSlow),
  // The proxy's side.
  ERR_NO_SERVER: decision(503, 'proxy', 'never', 'destination_unavailable', unavailable),
  ERR_QUEUE_FULL: decision(503, 'proxy', 'never', 'connection_limit_reached', unavailable),
  ERR_QUEUE_TIMEOUT: decision(503, 'proxy', 'never', 'connection_limit_reached', unavailable),
  ERR_CLOSED: decision(503, 'proxy', 'never', 'destination_unavailable', unavailable),
  ERR_BODY_CONSUMED: decision(500, 'proxy', 'never', 'proxy_internal_error', 'The proxy is not set up properly.'),
  ERR_INTERNAL: decision(500, 'proxy', 'never', 'proxy_internal_error', 'The proxy failed.'),
}

/** A request that failed, or one try of it. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError'
  readonly code: ErrorCode
  /** Status that the client gets. */
  readonly status: number
  readonly fault: Fault
  readonly retry: Retry

  /** `message` is for logs and events, never for the client. */
  constructor(code: ErrorCode, message?: string, options?: ErrorOptions) {
    const decided = errorTable[code]
    super(message ?? decided.text, options)
    this.code = code
    this.status = decided.status
    this.fault = decided.fault
    this.retry = decided.retry
  }
}
