import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseServer } from '#lib/pool/address.js'
import { List } from '#lib/pool/list.js'
import { type Found, parseListed } from '#lib/pool/source.js'

function list(text: string): List<string> {
  return new List(text.split(' ').map(parseListed))
}

function found(...servers: readonly string[]): Found[] {
  return servers.map((text) => ({ ...parseServer(text), backup: false }))
}

/** `host*weight` of each server, and in parentheses what has told of it. */
function written(made: List<string>): string {
  return made.servers
    .map(({ address, weight, source }) => `${address.host}*${weight}${source === undefined ? '' : `(${source})`}`)
    .join(' ')
}

describe('List', () => {
  it('has what a source tells where the source stands, with the weight of both', () => {
    const made = list('a dns:api:80*2 b')
    assert.equal(written(made), 'a*1 b*1')
    made.tell('dns:http://api:80', found('10.0.0.1*3', '10.0.0.2'))
    assert.equal(written(made), 'a*1 10.0.0.1*6(dns:http://api:80) 10.0.0.2*2(dns:http://api:80) b*1')
  })

  it('takes what a source tells in place of what it told before', () => {
    const made = list('worker:api')
    made.tell('worker:api', found('x', 'y'))
    made.tell('worker:api', found('y', 'z'))
    assert.equal(written(made), 'y*1(worker:api) z*1(worker:api)')
    made.tell('worker:api', [])
    assert.equal(written(made), '')
  })

  it('has a source that was not named at the end, once it tells of something', () => {
    const made = list('a')
    made.tell('registry', found('b'))
    made.tell('registry', found('b', 'c'))
    assert.equal(written(made), 'a*1 b*1(registry) c*1(registry)')
  })

  it('lets a source say the weight of a server that is named, which stays where it is', () => {
    const made = list('a b b c')
    made.tell('registry', found('b*7'))
    assert.equal(written(made), 'a*1 b*7 c*1')
    made.tell('registry', [])
    assert.equal(written(made), 'a*1 b*1 b*1 c*1')
  })

  it('keeps the weight of a server that is named where a source says none', () => {
    const made = list('a*3 b*2 b*4')
    made.tell(
      'registry',
      found('a', 'b', 'c').map((each) => ({ ...each, weight: undefined })),
    )
    assert.equal(written(made), 'a*3 b*6 c*1(registry)')
    made.tell('registry', found('a*9'))
    assert.equal(written(made), 'a*9 b*2 b*4')
  })

  it('has a server that two sources tell of once, as the later one says', () => {
    const made = list('dns:one:80 dns:two:80')
    made.tell('dns:http://one:80', found('a', 'b'))
    made.tell('dns:http://two:80', found('b*4'))
    assert.equal(written(made), 'a*1(dns:http://one:80) b*4(dns:http://two:80)')
  })

  it('gives no server more than the highest weight', () => {
    const made = list('dns:api:80*1000')
    made.tell('dns:http://api:80', found('a*2'))
    assert.equal(written(made), 'a*1000(dns:http://api:80)')
  })

  it('forgets a weight that was set by hand when its server has left', () => {
    const made = list('worker:api')
    made.tell('worker:api', found('a'))
    made.reweigh('http://a:80', 5)
    made.arrange(made.servers, [])
    assert.equal(made.slots, 5)
    made.tell('worker:api', [])
    made.arrange(made.servers, [])
    made.tell('worker:api', found('a'))
    made.arrange(made.servers, [])
    assert.equal(made.slots, 1)
  })
})
