import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseListed } from '#lib/pool/source.js'

const accepted: [text: string, id: string, name: string, port: number, scheme: string, weight?: number][] = [
  ['worker:api', 'worker:api', 'api', 0, 'worker'],
  ['Worker:Api.v2*3', 'worker:Api.v2', 'Api.v2', 0, 'worker', 3],
  ['worker:*', 'worker:*', '*', 0, 'worker'],
  ['worker:**2', 'worker:*', '*', 0, 'worker', 2],
  ['dns:api.internal:8080', 'dns:http://api.internal:8080', 'api.internal', 8080, 'http'],
  ['dns:API', 'dns:http://api:80', 'api', 80, 'http'],
  ['dns:https://api*2', 'dns:https://api:443', 'api', 443, 'https', 2],
  ['dns:h2c://grpc:50051', 'dns:h2c://grpc:50051', 'grpc', 50051, 'h2c'],
  ['srv:_http._tcp.api', 'srv:http://_http._tcp.api', '_http._tcp.api', 0, 'http'],
  ['srv:h2c://_grpc._tcp.api*5', 'srv:h2c://_grpc._tcp.api', '_grpc._tcp.api', 0, 'h2c', 5],
]

test('sources', () => {
  for (const [text, id, name, port, scheme, weight = 1] of accepted) {
    const kind = id.slice(0, id.indexOf(':'))
    assert.deepEqual(parseListed(text), { source: { id, kind, name, port, scheme }, weight }, text)
  }
})

test('anything else is a server', () => {
  assert.equal((parseListed('h:80*2') as { weight: number }).weight, 2)
  assert.equal('source' in parseListed('worker.internal:80'), false)
})

const refused: [text: string, message: RegExp][] = [
  ['worker:', /bad service "" in "worker:"/],
  ['worker:api/7f3a', /bad service "api\/7f3a".*by their service, as in worker:api/],
  ['worker:api*0', /bad weight "0" in "worker:api\*0"/],
  ['dns:', /host is missing/],
  ['dns:api:port', /bad port "port" in "dns:api:port"/],
  ['dns:10.0.0.1:80', /10\.0\.0\.1 is an address.*leave "dns:" away/],
  ['dns:[::1]:80', /is an address/],
  ['dns:ftp://api:80', /unknown scheme "ftp"/],
  ['dns:unix:/run/x', /./],
  ['srv:api:80', /tells the port by itself; leave ":80" away/],
  ['srv:http://', /host is missing/],
  ['srv:a b', /space/],
]

test('what cannot be asked is refused', () => {
  for (const [text, message] of refused) assert.throws(() => parseListed(text), message, text)
})
