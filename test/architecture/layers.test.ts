/**
 * The layers of the library. A module imports from lower layers and from its own folder, never from a higher layer and
 * never from another part of its own layer.
 *
 * `config/` has two halves. Its foundation is what an `options.ts` needs to declare keys: how values are read and
 * written, and how problems are told. Its loader puts the declarations of all parts together, so it stands above them.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findCycle, importsOf, readModules, withoutComments } from './modules.js'

const configLoader = [
  'load',
  'resolve',
  'resolved',
  'entries',
  'given',
  'clashes',
  'schema',
  'parse',
  'format',
  'ini',
  'include',
  'origin',
  'watch',
]

/** From the lowest to the highest. Several in one layer do not know of each other. */
const layers: readonly (readonly string[])[] = [
  ['errors', 'clock', 'random'],
  ['config foundation'],
  ['match', 'balancers', 'proxy-protocol'],
  ['pool'],
  ['transports'],
  ['forward'],
  ['middleware', 'listen', 'management', 'workers', 'discovery', 'tcp', 'cluster', 'log'],
  ['config loader'],
  ['proxy'],
  ['feeds'],
  ['core'],
  ['create'],
  ['index', 'cli'],
]

function partOf(name: string): string {
  const [folder = '', file = ''] = name.split('/')
  if (folder !== 'config') return folder
  return configLoader.includes(file) ? 'config loader' : 'config foundation'
}

function layerOf(part: string): number {
  return layers.findIndex((parts) => parts.includes(part))
}

const modules = readModules()
const imports = [...modules].flatMap(([name, source]) => importsOf(name, source))

test('every module belongs to a layer, and every import leads to a module', () => {
  assert.ok(modules.size > 50 && imports.length > 200, 'the modules were not found')
  assert.deepEqual(
    [...modules.keys()].filter((name) => layerOf(partOf(name)) < 0),
    [],
  )
  assert.deepEqual(
    imports.filter(({ to }) => !modules.has(to)),
    [],
  )
})

test('imports lead down the layers', () => {
  const wrong = imports.filter(({ from, to }) => {
    const [importer, imported] = [partOf(from), partOf(to)]
    return importer !== imported && layerOf(imported) >= layerOf(importer)
  })
  assert.deepEqual(
    wrong.map(({ from, to }) => `${from} imports ${to}`),
    [],
  )
})

// A class and what it is made of may name each other's types, as an exchange and its attempts do.
test('there are no cycles among modules when the program runs', () => {
  assert.equal(findCycle(imports.filter(({ typeOnly }) => !typeOnly))?.join(' → '), undefined)
})

test('there are no cycles among folders', () => {
  const folders = imports
    .map(({ from, to, typeOnly }) => ({ from: partOf(from), to: partOf(to), typeOnly }))
    .filter(({ from, to }) => from !== to)
  assert.equal(findCycle(folders)?.join(' → '), undefined)
})

test('time and chance are taken in clock and random alone', () => {
  const allowed = ['clock', 'random']
  // A method of that name, which sockets have, is declared with the types of its parameters.
  const direct =
    /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bMath\.random\b|(?<![.\w])set(?:Timeout|Interval)\((?!\w+: )/
  const found = [...modules].flatMap(([name, source]) =>
    withoutComments(source)
      .split('\n')
      .map((line, index) => ({ line: line.trim(), place: `${name}.ts:${index + 1}` }))
      .filter(({ line }) => !allowed.includes(name) && direct.test(line))
      .map(({ line, place }) => `${place}: ${line}`),
  )
  assert.deepEqual(found, [])
})

test('no file is longer than 300 lines', () => {
  const long = [...modules]
    .map(([name, source]) => ({ name, lines: source.split('\n').length - 1 }))
    .filter(({ lines }) => lines > 300)
  assert.deepEqual(long, [])
})

test('the rules of this test find what they are to find', () => {
  const source = `
import type { A } from './a.js'
import {
  type B,
  b,
} from '../pool/b.js'
export { c } from './c.js'
export type { D } from './d.js'
import './e.js'
import fs from 'node:fs'
/* import { x } from './x.js' */
// import { y } from './y.js'
const f = await import('./f.js')
export const g = './g.js'
`
  assert.deepEqual(
    importsOf('forward/here', source).map(({ to, typeOnly }) => [to, typeOnly]),
    [
      ['forward/a', true],
      ['pool/b', false],
      ['forward/c', false],
      ['forward/d', true],
      ['forward/e', false],
      ['forward/f', false],
    ],
  )
  const edge = (from: string, to: string) => ({ from, to, typeOnly: false })
  assert.deepEqual(findCycle([edge('a', 'b'), edge('b', 'c'), edge('c', 'b')]), ['b', 'c', 'b'])
  assert.equal(findCycle([edge('a', 'b'), edge('b', 'c'), edge('a', 'c')]), undefined)
})
