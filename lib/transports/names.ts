/** The transports that `Transport` may name; the first is the default. */
export const transportNames = ['http1', 'http-proxy'] as const

/** Name of a transport. */
export type TransportName = (typeof transportNames)[number]
