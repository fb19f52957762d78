import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseServer } from '#lib/pool/address.js'

const accepted: [text: string, id: string, authority: string, weight?: number][] = [
  ['10.0.0.1:80', 'http://10.0.0.1:80', '10.0.0.1'],
  ['Host4:80', 'http://host4:80', 'host4'],
  ['host', 'http://host:80', 'host'],
  ['my_host.internal.:8080', 'http://my_host.internal.:8080', 'my_host.internal.:8080'],
  ['[::1]:80', 'http://[::1]:80', '[::1]'],
  ['[0:0:0:0:0:0:0:1]:8443', 'http://[::1]:8443', '[::1]:8443'],
  ['[2001:DB8::A]', 'http://[2001:db8::a]:80', '[2001:db8::a]'],
  ['http://h:80', 'http://h:80', 'h'],
  ['HTTP://H', 'http://h:80', 'h'],
  ['https://h', 'https://h:443', 'h'],
  ['https://h:80', 'https://h:80', 'h:80'],
  ['https://[::1]', 'https://[::1]:443', '[::1]'],
  ['h2c://h:50051', 'h2c://h:50051', 'h:50051'],
  ['h2://h', 'h2://h:443', 'h'],
  ['h2c://[::1]', 'h2c://[::1]:80', '[::1]'],
  ['worker:api/7f-3a', 'worker:api/7f-3a', 'api'],
  ['unix:/run/app.sock', 'unix:/run/app.sock', 'localhost'],
  ['unix:///run/app.sock', 'unix:/run/app.sock', 'localhost'],
  ['unix:/run/a*b?#@:c', 'unix:/run/a*b?#@:c', 'localhost'],
  ['unix:/run/app.sock*4', 'unix:/run/app.sock', 'localhost', 4],
  ['h:1*3', 'http://h:1', 'h:1', 3],
  ['h*1000', 'http://h:80', 'h', 1000],
  ['https://[::1]:444*2', 'https://[::1]:444', '[::1]:444', 2],
  ['bücher.example:65535', 'http://xn--bcher-kva.example:65535', 'xn--bcher-kva.example:65535'],
]

test('addresses', () => {
  for (const [text, id, authority, weight = 1] of accepted) {
    const spec = parseServer(text)
    assert.deepEqual([spec.address.id, spec.address.authority, spec.weight], [id, authority, weight], text)
  }
})

test('the parts of an address', () => {
  assert.deepEqual(parseServer('https://[::1]:8443').address, {
    id: 'https://[::1]:8443',
    scheme: 'https',
    host: '::1',
    port: 8443,
    socketPath: undefined,
    secure: true,
    authority: '[::1]:8443',
  })
  assert.deepEqual(parseServer('unix:/run/app.sock').address, {
    id: 'unix:/run/app.sock',
    scheme: 'unix',
    host: '',
    port: 0,
    socketPath: '/run/app.sock',
    secure: false,
    authority: 'localhost',
  })
})

test('an id is an address of its own server', () => {
  for (const [text, id] of accepted) assert.equal(parseServer(id).address.id, id, text)
})

const refused: [text: string, message: RegExp][] = [
  ['', /empty/],
  ['a b', /contains a space/],
  [':80', /host is missing/],
  ['http://', /host is missing/],
  ['h:', /bad port ""/],
  ['h:0', /bad port "0" in "h:0".* 1 to 65535/],
  ['h:65536', /bad port "65536"/],
  ['h:80a', /bad port "80a"/],
  ['h:-1', /bad port "-1"/],
  ['ftp://h', /unknown scheme "ftp".*http, https, h2, h2c, unix/],
  ['worker:a b/c', /contains a space/],
  ['worker:a$/c', /bad name of a worker's service: "a\$"/],
  ['worker:a/', /bad name of a worker's instance: ""/],
  ['http://h/path', /has a path.*AddPrefix/],
  ['http://h/', /has a path.*AddPrefix/],
  ['h:80/path', /has a path/],
  ['http://h?x', /has a query/],
  ['http://h#x', /has a fragment/],
  ['http://user:secret@h', /credentials/],
  ['::1', /stands in brackets, as in \[::1\]:80/],
  ['fe80::1:80', /stands in brackets/],
  ['1:2:3:4:5:6:7:8:80', /stands in brackets, as in \[1:2:3:4:5:6:7:8\]:80/],
  ['a:b:c', /bad server address "a:b:c"$/],
  ['[::g]:80', /bad IPv6 address "::g"/],
  ['[::1', /bad server address/],
  ['10.0.0.256:80', /bad IPv4 address "10\.0\.0\.256"/],
  ['10.1:80', /bad IPv4 address/],
  ['a..b', /bad host "a\.\.b"/],
  ['h!:80', /bad host/],
  ['h*', /bad weight ""/],
  ['h*0', /bad weight "0".*1 to 1000/],
  ['h*1001', /bad weight "1001"/],
  ['h*2.5', /bad weight "2\.5"/],
  ['h*-1', /bad weight "-1"/],
  ['h*2*3', /bad weight "2\*3"/],
  ['unix:run/app.sock', /absolute/],
  ['unix:', /absolute/],
]

test('what is no address', () => {
  for (const [text, message] of refused) assert.throws(() => parseServer(text), message, text)
})
