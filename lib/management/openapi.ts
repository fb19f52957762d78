/** The OpenAPI document, made of the routes: it says what is served, and nothing else. */

import { type ApiErrorCode, apiErrors } from './errors.js'
import type { Ending, QueryParameter, Route } from './route.js'
import type { Schema } from './schema.js'
import { shapes } from './shapes.js'

type Json = Readonly<Record<string, unknown>>

/** As far as others look into it. */
export interface OpenApi {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>
  readonly components: { readonly schemas: Json }
}

/** What any call can be answered. */
const commonErrors: readonly ApiErrorCode[] = ['bad_request', 'foreign_host', 'foreign_origin', 'internal']

/** Parameters of paths. */
const pathParameters: Readonly<Record<string, string>> = {
  host: 'Host of the server, percent-encoded, IPv6 without brackets; `unix` for a Unix socket.',
  port: 'Port of the server; for a Unix socket its path, percent-encoded.',
  name: 'Name of the pool, percent-encoded.',
  file: 'Name of the file.',
}

const names: ReadonlyMap<Schema, string> = new Map(
  Object.entries<Schema>(shapes).map(([name, schema]) => [schema, name]),
)

export function openApi(routes: readonly Route[], version: string): OpenApi {
  const paths: Record<string, Record<string, Json>> = {}
  for (const route of routes) {
    paths[route.path] ??= {}
    paths[route.path]![route.method.toLowerCase()] = operation(route)
  }
  const schemas = Object.fromEntries(
    Object.entries<Schema>(shapes).map(([name, schema]) => [name, withReferences(schema, schema)]),
  )
  return {
    openapi: '3.1.0',
    ...{ info: { title: 'Pointsman management', version, description: 'Asks and changes a running reverse proxy.' } },
    ...{ security: [{ token: [] }, {}] },
    paths,
    components: { schemas, ...{ securitySchemes: { token: { type: 'http', scheme: 'bearer' } } } },
  }
}

function operation(route: Route): Json {
  const { summary, body, endings, withoutToken } = route
  const content = (schema: Schema, example: unknown): Json => ({
    'application/json': { schema: withReferences(schema), example },
  })
  return {
    operationId: operationId(route),
    summary,
    ...(withoutToken ? { security: [] } : {}),
    parameters: [...pathParametersOf(route.path), ...Object.entries(route.query ?? {}).map(queryParameter)],
    ...(body === undefined ? {} : { requestBody: { required: true, content: content(body.schema, body.example) } }),
    responses: {
      ...Object.fromEntries(Object.entries(endings).map(([status, ending]) => [status, response(ending)])),
      ...errorResponses(errorsOf(route)),
    },
  }
}

/** `PATCH /servers/{host}/{port}` is `patchServersHostPort`. */
function operationId({ method, path }: Route): string {
  const words = path.split(/[^\w]+/).filter((word) => word !== '')
  const capitals = words.map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`)
  const slash = words.length > 0 && path.endsWith('/') ? 'Slash' : ''
  return `${method.toLowerCase()}${capitals.join('') || 'Root'}${slash}`
}

function pathParametersOf(path: string): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    description: pathParameters[name],
    schema: { type: 'string' },
  }))
}

function queryParameter([name, { description, example }]: [string, QueryParameter]): Json {
  return { name, in: 'query', required: false, description, schema: { type: 'string' }, example }
}

function response({ description, contentType = 'application/json', schema, example, headers }: Ending): Json {
  const media = {
    ...(schema === undefined ? {} : { schema: withReferences(schema) }),
    ...(example === undefined ? {} : { example }),
  }
  const fields = Object.entries(headers ?? {}).map(([name, text]) => [
    name,
    { description: text, schema: { type: 'string' } },
  ])
  return {
    description,
    ...(fields.length === 0 ? {} : { headers: Object.fromEntries(fields) }),
    content: { [contentType]: media },
  }
}

/** Every code with which a call can be answered. */
export function errorsOf({ body, errors = [], anyQuery, withoutToken }: Route): readonly ApiErrorCode[] {
  const ofBody: readonly ApiErrorCode[] =
    body === undefined ? [] : ['bad_json', 'bad_body', 'body_too_large', 'unsupported_encoding']
  return [
    ...commonErrors,
    ...(withoutToken ? [] : (['unauthorized'] as const)),
    ...(anyQuery ? [] : (['bad_query'] as const)),
    ...ofBody,
    ...errors,
  ]
}

function errorResponses(codes: readonly ApiErrorCode[]): Json {
  const byStatus = new Map<number, ApiErrorCode[]>()
  for (const code of codes) {
    const { status } = apiErrors[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const content = { 'application/json': { schema: withReferences(shapes.Error) } }
  return Object.fromEntries(
    [...byStatus].map(([status, each]) => [
      status,
      { description: each.map((code) => `\`${code}\`: ${apiErrors[code].meaning}`).join(' '), content },
    ]),
  )
}

/** A schema in which those that have a name stand by it; `whole` itself stands as it is. */
function withReferences(value: unknown, whole?: Schema): unknown {
  const name = names.get(value as Schema)
  if (name !== undefined && value !== whole) return { $ref: `#/components/schemas/${name}` }
  if (Array.isArray(value)) return value.map((each) => withReferences(each))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withReferences(each)]))
}
