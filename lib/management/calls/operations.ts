/** The calls of those who run the proxy. */

import { ApiError } from '../errors.js'
import * as examples from '../examples.js'
import { json, type Route, text } from '../route.js'
import { shapes } from '../shapes.js'

/** What the file says and what holds differ as soon as the API has changed something. */
const configurationNote = '# As it was read; changes made through the API are not in it.\n'

export const operationCalls: readonly Route[] = [
  {
    method: 'POST',
    path: '/reload',
    summary: 'Reads the configuration file again.',
    endings: { 200: { description: 'The file is in force.', schema: shapes.Reloaded, example: { reloaded: true } } },
    errors: ['bad_configuration', 'invalid'],
    async run(_, { control }) {
      await control.reload()
      return json({ reloaded: true })
    },
  },
  {
    method: 'GET',
    path: '/config',
    summary: 'The configuration as it was read, as text of a file, without secrets.',
    endings: {
      200: {
        description: 'The configuration. What the API has changed since is not in it.',
        contentType: 'text/plain; charset=utf-8',
        example: examples.configuration,
      },
    },
    run: (_, { control }) => text('text/plain; charset=utf-8', `${configurationNote}${control.configuration()}`),
  },
  {
    method: 'GET',
    path: '/healthz',
    summary: 'Whether the process lives.',
    endings: { 200: { description: 'It does.', schema: shapes.Alive, example: { status: 'ok' } } },
    withoutToken: true,
    run: () => json({ status: 'ok' }),
  },
  {
    method: 'GET',
    path: '/readyz',
    summary: 'Whether requests are taken.',
    endings: { 200: { description: 'They are.', schema: shapes.Ready, example: { ready: true } } },
    errors: ['not_ready'],
    withoutToken: true,
    async run(_, { control }) {
      if (!control.ready) throw new ApiError('not_ready', 'the proxy takes no requests')
      // Whoever asks this wants to know of the requests; what cannot be asked is left out.
      const { registry } = await control.snapshot().catch(() => ({ registry: undefined }))
      if (registry === undefined) return json({ ready: true })
      // Where it is, and why it is out of reach, is not for everybody.
      return json({ ready: true, registry: registry.connected ? 'connected' : 'disconnected' })
    },
  },
]
