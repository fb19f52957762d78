// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the notation for variables is what is tested.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatConfig } from '#lib/config/format.js'
import { type Config, parseConfig, resolveConfig } from '#lib/config/load.js'
import { certificates } from '../support/certificates.js'

// Values in their canonical form, as `parseConfig` gives them; every key of a file is here.

const visible = (excluded: string): fc.Arbitrary<string> =>
  fc.constantFrom(
    ...Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index)).filter(
      (each) => !excluded.includes(each),
    ),
  )
const textOf = (excluded: string): fc.Arbitrary<string> =>
  fc.array(visible(excluded), { minLength: 1, maxLength: 8 }).map((each) => each.join(''))
const pathOf = textOf('?#').map((each) => `/${each}`)
const spaced = fc.array(textOf(''), { minLength: 1, maxLength: 3 }).map((each) => each.join(' '))
const some = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(item, { minLength: 1, maxLength: 3 })
const any = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(item, { maxLength: 3 })
const orOff = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T | false> => fc.oneof(item, fc.constant<false>(false))
const seconds = fc.integer({ min: 1, max: 10_000_000 }).map((each) => each / 1000)
const status = fc.oneof(fc.integer({ min: 100, max: 599 }), fc.constantFrom('500-504', '100-599'))
const token = fc.stringMatching(/^[A-Za-z0-9!'#$%&*+^_`|~.-]{1,8}$/)
const header = token.filter((each) => !/^(?:connection|te|upgrade|trailer|host)$/i.test(each))
const server = fc.constantFrom(
  ...['a', 'B:81', '[::1]:8080*3', 'https://h', 'unix:/run/a;b#c"d', 'unix:/x\\;*2', 'h2c://h:1'],
  ...['worker:api', 'worker:**2', 'dns:h2://api:1', 'srv:_http._tcp.api*3'],
)
const field = fc.oneof(spaced, fc.constant(''), fc.constantFrom('"a"', "'self'; b", 'é', '${X} $${Y}', 'none'))
const fields = fc.dictionary(header, fc.oneof(field, fc.tuple(field, field)), { maxKeys: 3 })
const pair = fc.record({ from: textOf(''), to: textOf('') })
const pem = fc.constantFrom(certificates().ca, certificates().client.cert)

const optional = <T extends Record<string, fc.Arbitrary<unknown>>>(model: T) => fc.record(model, { requiredKeys: [] })

const inherited = {
  serverList: some(server),
  backupList: any(server),
  loadBalance: fc.constantFrom('Naive', 'First-Alive', 'Round-Robin', 'Peak-EWMA'),
  hashKey: fc.constantFrom('source', 'uri', 'path', 'header:x-user', 'cookie:SID'),
  stickyCookie: orOff(token.filter((each) => !/^(?:off|none)$/i.test(each))),
  highAvailability: fc.boolean(),
  offlineTimeOut: seconds,
  attemptsCount: fc.integer({ min: 1, max: 99 }),
  failOpen: fc.boolean(),
  failStatus: any(status),
  maxConnections: fc.nat(1000),
  queueLength: fc.nat(1000),
  queueTimeout: seconds,
  slowStart: seconds,
  retryOn: any(fc.oneof(fc.constantFrom('connect', 'reset', 'timeout', 'non-idempotent'), status)),
  retryLimit: orOff(fc.integer({ min: 1, max: 9 })),
  retryBuffer: fc.nat(1e6),
  responseTimeout: seconds,
  idleTimeout: seconds,
  tunnelTimeout: seconds,
  maxBodySize: fc.nat(),
  stripPrefix: orOff(pathOf),
  addPrefix: orOff(pathOf),
  rewritePath: any(fc.record({ from: fc.constantFrom('^/a b/(.*)$', '\\d+\\\\', '"x"', '#;', '^$'), to: textOf('') })),
  preserveHost: fc.boolean(),
  setRequestHeader: fields,
  removeRequestHeader: any(header),
  setResponseHeader: fields,
  removeResponseHeader: any(header),
  rewriteLocation: fc.boolean(),
  rewriteCookieDomain: orOff(pair),
  rewriteCookiePath: orOff(pair),
  trustProxy: any(fc.constantFrom('10.0.0.0/8', '::1', 'unix')),
  xForwarded: fc.boolean(),
  forwarded: fc.boolean(),
  via: fc.boolean(),
  errorPage: fc.dictionary(
    fc.integer({ min: 400, max: 599 }).map(String),
    fc.constant(`${process.cwd()}/package.json`),
    {
      maxKeys: 2,
    },
  ),
  transport: fc.constant('http-proxy' as const),
  connectTimeout: seconds,
  keepAliveTimeout: seconds,
  keepAliveConnections: fc.nat(100),
  upstreamCA: orOff(pem),
  upstreamServerName: orOff(fc.constant('example.com')),
  upstreamVerify: fc.boolean(),
}

const entry = fc
  .tuple(
    optional(inherited),
    optional({ host: some(fc.constantFrom('*.example.com', 'b')), method: some(fc.constantFrom('GET', 'POST')) }),
    fc.record({
      match: some(
        fc.constantFrom('/*', '*.png', '^/a\\.b$', '^/[#;]', '/with space/*', '/"x"', '^/\\\\', '/${X}', '/$${X}'),
      ),
      serverList: some(server),
    }),
  )
  .map(([rest, filters, needed]) => ({ ...rest, ...filters, ...needed }))

const listen = optional({
  address: some(fc.constantFrom('8080', '127.0.0.1:81', 'unix:/run/p.sock')),
  http2: fc.boolean(),
  proxyProtocol: fc.boolean(),
  headersTimeout: seconds,
  requestTimeout: seconds,
  keepAliveTimeout: seconds,
  maxConnections: fc.nat(1e9),
  maxHeaderSize: fc.integer({ min: 1024, max: 2 ** 20 }),
  shutdownTimeout: seconds,
})

const tcpServer = fc.constantFrom('a:1', '[::1]:8080*3', 'unix:/run/a;b#c"d', 'tcp://b:2')
const tcpEntry = fc
  .tuple(
    fc.record({
      listen: some(fc.constantFrom('0', '127.0.0.1:0')).map((each) => [...new Set(each)]),
      serverList: some(tcpServer),
    }),
    optional({
      backupList: any(tcpServer),
      loadBalance: fc.constantFrom('Naive', 'First-Alive', 'Round-Robin', 'Peak-EWMA'),
      highAvailability: fc.boolean(),
      offlineTimeOut: seconds,
      attemptsCount: fc.integer({ min: 1, max: 99 }),
      failOpen: fc.boolean(),
      maxConnections: fc.nat(1000),
      queueLength: fc.nat(1000),
      queueTimeout: seconds,
      slowStart: seconds,
      healthCheck: fc.boolean(),
      healthInterval: seconds,
      healthTimeout: seconds,
      healthFails: fc.integer({ min: 1, max: 9 }),
      healthPasses: fc.integer({ min: 1, max: 9 }),
      proxyProtocol: orOff(fc.constantFrom('v1', 'v2')),
      connectTimeout: seconds,
      connectRetries: fc.nat(100),
      retryDelay: seconds,
      inactivityTimeout: seconds,
      idleTimeout: seconds,
    }),
  )
  .map(([needed, rest]) => ({ ...needed, ...rest }))
/** Each with a name of its own: entries of one address have to differ in it. */
const tcpEntries = fc.tuple(fc.boolean(), fc.array(tcpEntry, { maxLength: 3 })).map(([acceptProxyProtocol, entries]) =>
  entries.map((each, at) => ({
    name: `tcp ${at} #;`,
    serverName: [`${at}.example`, `*.${at}`],
    acceptProxyProtocol,
    ...each,
  })),
)

const bearer = orOff(fc.constantFrom('secret', 'a/b=='))
/** With one key at least: a section without any is none. */
const section = <T extends Record<string, fc.Arbitrary<unknown>>>(model: T) =>
  optional(model).filter((made) => Object.keys(made).length > 0)
const single = optional({
  management: section({ listen: orOff(fc.constant('127.0.0.1:81')), token: bearer, dashboard: fc.boolean() }),
  cluster: section({
    processes: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant('auto')),
    registry: orOff(fc.constantFrom('etcd://h/p', 'etcds://u:p%40@[::1]:2379,h:1/a/b')),
  }),
  log: section({ level: fc.constantFrom('info', 'warn'), accessLog: orOff(fc.constant('stdout')) }),
})
/** There always, for entries may list workers. */
const workers = section({ listen: orOff(fc.constantFrom('8000', 'unix:/run/w.sock')), token: bearer })

const config: fc.Arbitrary<Config> = fc
  .tuple(
    fc.option(
      optional({ ...inherited, statisticsURL: orOff(pathOf), resolver: any(fc.constantFrom('10.0.0.2', '[::1]:53')) }),
      { nil: undefined },
    ),
    fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b c', '${x} #;"', 'd=1'), entry), {
      minLength: 1,
      maxLength: 3,
      selector: ([name]) => name,
    }),
    tcpEntries,
    fc.array(listen, { maxLength: 2 }),
    workers,
    single,
  )
  .map(([defaults, entries, tcp, listeners, dialled, rest]) => ({
    ...(defaults === undefined ? {} : { defaults }),
    entries: entries.map(([name, each]) => ({ name, ...each })),
    ...(tcp.length === 0 ? {} : { tcp }),
    ...(listeners.length === 0 ? {} : { listen: listeners }),
    workers: dialled,
    ...rest,
  })) as fc.Arbitrary<Config>

const env = { X: 'wrong', Y: 'wrong', x: 'wrong' }

test('an object, written as a file and read again, is the same object', () => {
  fc.assert(
    fc.property(config, (object) => {
      const text = formatConfig(object)
      const parsed = parseConfig(text, { env })
      assert.deepEqual(JSON.parse(JSON.stringify(parsed)), JSON.parse(JSON.stringify(object)), text)
      assert.equal(formatConfig(parsed), text)
      const plain = (each: Config): unknown =>
        JSON.parse(JSON.stringify(resolveConfig(each), (key, value) => (/place|files/i.test(key) ? undefined : value)))
      assert.deepEqual(plain(parsed), plain(object))
    }),
    { numRuns: 400 },
  )
})

test('no text makes the parser fail otherwise than with diagnostics', () => {
  const piece = fc.constantFrom(
    '[',
    ']',
    'PROXY_ENTRY',
    '\n',
    ' ',
    '=',
    '"',
    "'",
    '#',
    ';',
    '\\',
    '${',
    '$${',
    '}',
    ':-',
    'Match',
    'ServerList',
    'X',
    'TCP_ENTRY',
    'Listen',
    'ServerName',
    '/*',
    'SetRequestHeader',
    'ErrorPage',
    '502',
    'none',
    '\t',
    '\r',
    '\ufeff',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      try {
        parseConfig(pieces.join(''), { env })
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'ERR_CONFIG', String(error))
        for (const { place } of (error as { diagnostics: { place: object }[] }).diagnostics) assert.ok('line' in place)
      }
    }),
    { numRuns: 3000 },
  )
})
