import assert from 'node:assert/strict'
import { test } from 'node:test'
import { calls } from '#lib/management/api.js'
import { apiErrors } from '#lib/management/errors.js'
import { errorsOf, openApi } from '#lib/management/openapi.js'
import { problemOf, type Schema } from '#lib/management/schema.js'
import { shapes } from '#lib/management/shapes.js'
import { MemoryControl } from '../support/control.js'
import { type Json, managed } from './support.js'

const document: Json = JSON.parse(JSON.stringify(openApi(calls, '1.0.0')))

/** A schema of the document, with what it refers to in place of the references. */
function resolved(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(resolved)
  if (typeof schema !== 'object' || schema === null) return schema
  if (schema.$ref === undefined)
    return Object.fromEntries(Object.entries(schema).map(([key, each]) => [key, resolved(each)]))
  const found = document.components.schemas[schema.$ref.replace('#/components/schemas/', '')]
  assert.ok(found, schema.$ref)
  return resolved(found)
}

test('GET /openapi.json serves the document', async (t) => {
  const api = await managed(t)
  assert.deepEqual((await api.call('GET', '/openapi.json')).json, document)
})

test('the document has each call, and no other', () => {
  const documented = Object.entries<object>(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const served = calls.map(({ method, path }) => `${method} ${path}`)
  assert.deepEqual([...documented].sort(), [...served].sort())
  assert.equal(new Set(served).size, served.length)
})

test('each operation has a name of its own, a summary, its parameters and its errors', () => {
  const names = new Set<string>()
  for (const route of calls) {
    const operation = document.paths[route.path][route.method.toLowerCase()]
    names.add(operation.operationId)
    assert.match(operation.summary, /^[A-Z].{8,}\.$/, route.path)
    const inPath = operation.parameters.filter((each: Json) => each.in === 'path')
    assert.deepEqual(
      inPath.map((each: Json) => [`{${each.name}}`, each.required]),
      (route.path.match(/\{\w+\}/g) ?? []).map((name) => [name, true]),
    )
    for (const each of operation.parameters) assert.match(each.description ?? '', /.{8,}/, `${route.path} ${each.name}`)
    for (const code of errorsOf(route)) {
      const response = operation.responses[apiErrors[code].status]
      assert.ok(response.description.includes(`\`${code}\``), `${route.path} ${code}`)
    }
    assert.deepEqual(operation.security, route.withoutToken ? [] : undefined)
  }
  assert.equal(names.size, calls.length)
})

test('references lead to shapes, and shapes are what checks bodies', () => {
  for (const [name, schema] of Object.entries<Schema>(shapes)) {
    assert.deepEqual(resolved(document.components.schemas[name]), JSON.parse(JSON.stringify(schema)), name)
  }
})

test('the examples fit their shapes', () => {
  let checked = 0
  const check = (where: string, { schema, example }: Json): void => {
    if (schema === undefined) return
    assert.equal(problemOf(resolved(schema), example), undefined, where)
    checked++
  }
  for (const [path, methods] of Object.entries<Json>(document.paths)) {
    for (const [method, { requestBody, responses }] of Object.entries<Json>(methods)) {
      if (requestBody !== undefined) check(`${method} ${path}`, requestBody.content['application/json'])
      for (const [status, { content }] of Object.entries<Json>(responses)) {
        if (Number(status) < 400)
          for (const media of Object.values(content)) check(`${method} ${path} ${status}`, media)
      }
    }
  }
  assert.ok(checked > 15, `${checked} examples`)
})

test('what is answered fits its shape', async (t) => {
  const control = new MemoryControl({
    web: ['10.0.0.1:80', 'unix:/run/a.sock', '[::1]:80'],
    'other pool': ['https://h'],
  })
  const api = await managed(t, {}, { control })
  control.setState('web', '10.0.0.1:80', 'offline', 'refused', 5)
  Object.assign(control.at('web', '10.0.0.1:80'), {
    offlineUntil: 6,
    lastCheck: { at: 1, passed: true, result: '200', duration: 1 },
  })
  control.record('web', '10.0.0.1:80', 200, 5)
  const requests: [method: string, path: string, pattern: string, body?: unknown][] = [
    ['GET', '/', '/'],
    ['GET', '/servers', '/servers'],
    ['POST', '/servers', '/servers', { url: 'x:1', pool: 'web' }],
    ['POST', '/servers', '/servers', { url: 'x:1', pool: 'web' }],
    ['GET', '/servers/x/1', '/servers/{host}/{port}'],
    ['PATCH', '/servers/x/1', '/servers/{host}/{port}', { weight: 3 }],
    ['DELETE', '/servers/x/1', '/servers/{host}/{port}'],
    ['PATCH', '/pools/web', '/pools/{name}', { health: { path: '/' } }],
    ['GET', '/pools', '/pools'],
    ['GET', '/pools/other%20pool', '/pools/{name}'],
    ['GET', '/stats', '/stats'],
    ['GET', '/stats/detail', '/stats/detail'],
    ['POST', '/reload', '/reload'],
    ['GET', '/healthz', '/healthz'],
    ['GET', '/readyz', '/readyz'],
    ['GET', '/servers/nowhere/1', '/servers/{host}/{port}'],
    ['POST', '/servers', '/servers', { url: 1 }],
  ]
  for (const [method, path, pattern, body] of requests) {
    const { status, json } = await api.call(method, path, { body })
    const response = document.paths[pattern][method.toLowerCase()].responses[status]
    assert.ok(response, `${method} ${path} is answered ${status}, which the document does not have`)
    assert.equal(problemOf(resolved(response.content['application/json'].schema), json), undefined, `${method} ${path}`)
  }
})

test('the check of shapes finds what does not fit', () => {
  const wrong: [Schema, unknown, RegExp][] = [
    [shapes.Stats, { client: { success: 1, failed: 1 } }, /"server" is missing/],
    [shapes.Stats, { client: { success: -1, failed: 1 } }, /"client\.success" has to be a whole number of at least 0/],
    [shapes.ServerList, { servers: [1] }, /"servers\[0\]" has to be an object/],
    [shapes.StateEvent, { pool: 'a', server: 'b', from: 'on' }, /"from" has to be "up", "offline"/],
    [{ type: 'string', format: 'date-time' }, '2024-01-01', /has to be text/],
  ]
  for (const [schema, value, message] of wrong) assert.match(problemOf(schema, value) ?? '', message)
})
