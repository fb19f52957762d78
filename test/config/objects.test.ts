import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, formatDiagnostic } from '#lib/config/diagnostics.js'
import { type Config, parseConfig, resolveConfig } from '#lib/config/load.js'
import { namedServers } from '#lib/pool/source.js'

function problems(config: unknown): string[] {
  try {
    resolveConfig(config as Config)
    return []
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.diagnostics.map(formatDiagnostic)
  }
}

const entry = { match: '/*', serverList: 'a:80' }

test('text of a file and its object resolve to the same', () => {
  const text = `
    [PROXY_DEFAULTS]
    OfflineTimeOut 250ms
    RetryBuffer 128k
    [PROXY_ENTRY app]
    Match /a/* /b/*
    ServerList 10.0.0.1:80*2 10.0.0.2:80
    LoadBalance least connections
    SetRequestHeader X-From proxy
    RewriteCookiePath * /`
  const config: Config = {
    defaults: { offlineTimeOut: '250ms', retryBuffer: 131_072 },
    entries: [
      {
        name: 'app',
        match: ['/a/*', '/b/*'],
        serverList: '10.0.0.1:80*2 10.0.0.2:80',
        loadBalance: 'Least-Connections',
        setRequestHeader: { 'X-From': 'proxy' },
        rewriteCookiePath: { from: '*', to: '/' },
      },
    ],
  }
  const plain = (value: Config): unknown =>
    JSON.parse(JSON.stringify(resolveConfig(value).entries.map(({ name, options }) => ({ name, options }))))
  assert.deepEqual(plain(parseConfig(text)), plain(config))
  const options = resolveConfig(config).entries[0]!.options
  assert.equal(options.offlineTimeOut, 250)
  assert.equal(options.retryBuffer, 131_072)
})

test('an entry inherits each key that it does not set; a list takes the place of the inherited one', () => {
  const { defaults, entries } = resolveConfig({
    defaults: { serverList: ['a', 'b'], attemptsCount: 5, trustProxy: ['unix'], stickyCookie: 'sid', retryLimit: 3 },
    entries: [
      { match: '/one' },
      { match: '/two', serverList: ['c'], attemptsCount: 7, trustProxy: [], stickyCookie: false, retryLimit: false },
    ],
  })
  const [one, two] = entries.map(({ options }) => options)
  assert.deepEqual(
    namedServers(one!.serverList).map(({ address }) => address.host),
    ['a', 'b'],
  )
  assert.deepEqual(
    namedServers(two!.serverList).map(({ address }) => address.host),
    ['c'],
  )
  assert.deepEqual([one!.attemptsCount, two!.attemptsCount, defaults.attemptsCount], [5, 7, 5])
  assert.deepEqual([one!.trustProxy.trusts(undefined), two!.trustProxy.trusts(undefined)], [true, false])
  assert.deepEqual([one!.stickyCookie, two!.stickyCookie], ['sid', undefined])
  assert.deepEqual([one!.retryLimit, two!.retryLimit], [3, undefined])
})

test('OfflineTimeOut 0 is HighAvailability Off', () => {
  const [first, second] = resolveConfig({ entries: [{ ...entry, offlineTimeOut: 0 }, entry] }).entries
  assert.equal(first!.options.highAvailability, false)
  assert.equal(second!.options.highAvailability, true)
})

test('names of entries', () => {
  const { entries } = resolveConfig({ entries: [entry, { ...entry, name: 'app' }, entry] })
  assert.deepEqual(
    entries.map(({ name }) => name),
    ['entry 1', 'app', 'entry 3'],
  )
  assert.deepEqual(problems({ entries: [{ ...entry, name: 'entry 2' }, entry] }), [
    'entries[1]: [PROXY_ENTRY entry 2] the name "entry 2" is taken by the entry at entries[0]',
  ])
  assert.deepEqual(problems({ entries: [{ ...entry, name: 'a]' }] }), [
    'entries[0].name: [PROXY_ENTRY a]] bad name "a]"; a name is text without brackets, control characters and spaces around it',
  ])
})

test('problems of an object name its parts', () => {
  const config = {
    default: {},
    defaults: { match: '/x', LoadBalance: 'Random', keepAliveTimeout: '1 week' },
    entries: [
      { match: ['/ok', '^/(('], serverList: ['a', 'b:0'], loadBalnce: 'Random', failStatus: [500, 1000] },
      { ...entry, setRequestHeader: { 'a b': 'c' }, errorPage: { 600: 'x' }, rewritePath: [{ from: '(', to: '/' }] },
      { ...entry, httpProxy: { headers: { a: 'b' }, xfwd: true }, highAvailability: 'On', viaa: 1, via: 1 },
      'text',
    ],
    listen: [{ address: [8080, 'x'], match: '/x' }],
  }
  assert.deepEqual(problems(config), [
    'default: unknown key "default"; did you mean "defaults"?',
    'defaults.match: [PROXY_DEFAULTS] "match" belongs in entries',
    'defaults.LoadBalance: [PROXY_DEFAULTS] unknown key "LoadBalance"; did you mean "loadBalance"?',
    'defaults.keepAliveTimeout: [PROXY_DEFAULTS] "1 week" is not a duration; write seconds, or a number with ms, s, m or h',
    'entries[0].match[1]: [PROXY_ENTRY] bad regular expression "^/((": Unterminated group',
    'entries[0].serverList[1]: [PROXY_ENTRY] bad port "0" in "b:0"; a port is a number from 1 to 65535',
    'entries[0].loadBalnce: [PROXY_ENTRY] unknown key "loadBalnce"; did you mean "loadBalance"?',
    'entries[0].failStatus[1]: [PROXY_ENTRY] "1000" is not a status code; write 500, or a range such as 502-504',
    'entries[1].setRequestHeader["a b"]: [PROXY_ENTRY] "a b" is not a header name',
    'entries[1].errorPage["600"]: [PROXY_ENTRY] "600" is out of range; status codes are 100 to 599',
    'entries[1].rewritePath[0]: [PROXY_ENTRY] bad regular expression "(": Unterminated group',
    'entries[2].httpProxy["xfwd"]: [PROXY_ENTRY] unknown option of http-proxy "xfwd"; known: auth, headers, changeOrigin, localAddress',
    'entries[2].viaa: [PROXY_ENTRY] unknown key "viaa"; did you mean "via"?',
    'entries[2].via: [PROXY_ENTRY] expected true or false, not 1',
    'entries[3]: expected an object, not "text"',
    'entries[3]: [PROXY_ENTRY] Match is missing',
    'entries[3]: [PROXY_ENTRY] ServerList is missing',
    'listen[0].address[1]: [LISTEN] the port is missing in "x"',
    'listen[0].match: [LISTEN] "match" belongs in entries',
  ])
})

test('values of a wrong kind', () => {
  for (const value of [null, {}, [[]], Number.NaN, () => 1, Symbol('x')]) {
    for (const name of [
      'match',
      'serverList',
      'loadBalance',
      'offlineTimeOut',
      'retryBuffer',
      'failStatus',
      'hashKey',
    ]) {
      assert.equal(problems({ entries: [{ ...entry, [name]: value }] }).length, 1, `${name} ${String(value)}`)
    }
  }
  for (const config of [null, 1, 'x', [], { entries: {} }, { entries: [null] }, { defaults: [], entries: [entry] }]) {
    assert.notDeepEqual(problems(config), [], JSON.stringify(config))
  }
  assert.deepEqual(problems({}), ['entries: no entry'])
  assert.deepEqual(problems({ entries: [{ ...entry, via: undefined }], listen: undefined }), [])
})

test('a key that no object is born with', () => {
  const config = JSON.parse('{"entries":[{"match":"/*","serverList":"a","__proto__":{"via":false}}]}')
  assert.deepEqual(problems(config), ['entries[0].__proto__: [PROXY_ENTRY] unknown key "__proto__"'])
  const headers = JSON.parse('{"__proto__":"x","constructor":"y"}')
  const [only] = resolveConfig({ entries: [{ ...entry, setRequestHeader: headers }] }).entries
  assert.deepEqual(only!.options.setRequestHeader, [
    { name: '__proto__', value: 'x' },
    { name: 'constructor', value: 'y' },
  ])
})

test('a parsed object remembers its lines, and can be changed', () => {
  const config = parseConfig('[PROXY_ENTRY]\nMatch /a\nMatch  /b /c\nServerList a', { file: 'x.conf' })
  const place = (line: number, column: number) => ({ file: 'x.conf', line, column })
  assert.deepEqual(resolveConfig(config).entries[0]!.patternPlaces, [place(2, 7), place(3, 8), place(3, 11)])
  assert.deepEqual(resolveConfig(config).entries[0]!.place, place(1, 1))
  const [first] = config.entries as [Record<string, unknown>]
  first.loadBalance = 'Rando'
  ;(first.serverList as string[])[0] = 'a:0'
  assert.deepEqual(problems(config), [
    'x.conf:4:12: [PROXY_ENTRY] bad port "0" in "a:0"; a port is a number from 1 to 65535',
    'entries[0].loadBalance: [PROXY_ENTRY] unknown balancer "Rando"; did you mean "Random"?',
  ])
})

test('parsing keeps nothing from one text to the next', () => {
  const text = '[PROXY_DEFAULTS]\nFailStatus 500\n[PROXY_ENTRY]\nMatch /a\nServerList a'
  const before = JSON.stringify(parseConfig(text))
  assert.throws(() => parseConfig(`${text}\nVia maybe`), ConfigError)
  parseConfig('[PROXY_DEFAULTS]\nFailStatus 501\n[PROXY_ENTRY]\nMatch /b\nServerList b')
  assert.equal(JSON.stringify(parseConfig(text)), before)
  assert.deepEqual(resolveConfig(parseConfig(text)).files, [])
})

test('an entry without ServerList gets its servers through the API or from a registry', () => {
  const entries = [{ match: '/*' }]
  assert.throws(() => resolveConfig({ entries }), /ServerList is missing/)
  assert.throws(() => resolveConfig({ entries, cluster: { processes: 2 } }), /ServerList is missing/)
  resolveConfig({ entries, management: { listen: '8687' } })
  resolveConfig({ entries, cluster: { registry: 'etcd://h/p' } })
})

test('an entry that lists workers says where they dial in', () => {
  const entries = [{ match: '/*', serverList: ['a', 'worker:api'] }]
  assert.throws(() => resolveConfig({ entries }), /worker:api: workers have nowhere to dial in; add \[WORKERS\]/)
  resolveConfig({ entries, workers: { listen: '8000' } })
})
