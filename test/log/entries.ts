import type { AccessEntry } from '#lib/log/entry.js'

/** An ordinary entry, with changes. */
export function entryOf(changes: Partial<AccessEntry> = {}): AccessEntry {
  return {
    time: Date.UTC(2024, 0, 31, 12, 0, 0, 250),
    client: '192.0.2.1',
    method: 'GET',
    target: '/a?b=c',
    protocol: 'HTTP/1.1',
    status: 200,
    bytes: 512,
    duration: 12.34567,
    entry: 'app',
    server: 'http://10.0.0.1:80',
    attempts: 1,
    error: undefined,
    referer: 'http://example.com/',
    userAgent: 'curl/8.5.0',
    host: 'www.example.com',
    ...changes,
  }
}
