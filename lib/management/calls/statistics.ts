/** The calls that count and watch. */

import { ApiError } from '../errors.js'
import * as examples from '../examples.js'
import { eventStream, json, type Route, text } from '../route.js'
import { shapes } from '../shapes.js'
import { detailView, statsView } from '../views.js'

export const statisticsCalls: readonly Route[] = [
  {
    method: 'GET',
    path: '/stats',
    summary: 'Requests of clients, and tries at servers, since the start.',
    endings: { 200: { description: 'The counts.', schema: shapes.Stats, example: examples.stats } },
    async run(_, { control }) {
      return json(statsView(await control.snapshot()))
    },
  },
  {
    method: 'GET',
    path: '/stats/detail',
    summary: 'Counts and latency of each server, since the start.',
    endings: { 200: { description: 'Server by server.', schema: shapes.ServerStats, example: examples.serverStats } },
    async run(_, { control }) {
      return json(detailView(await control.snapshot()))
    },
  },
  {
    method: 'GET',
    path: '/metrics',
    summary: 'What Prometheus collects.',
    endings: { 200: { description: 'The metrics.', contentType: 'text/plain', example: examples.metrics } },
    errors: ['not_found'],
    async run(_, { metrics }) {
      if (metrics === undefined) throw new ApiError('not_found', 'this proxy was started without its metrics')
      const { contentType, body } = await metrics()
      return text(contentType, body)
    },
  },
  {
    method: 'GET',
    path: '/events',
    summary: 'Server-sent events: the servers, each change of state, and a stats line a second.',
    endings: {
      200: {
        description: 'A stream that does not end by itself: events `servers`, `state` and `stats`.',
        contentType: 'text/event-stream',
        example: examples.events,
      },
    },
    run: () => eventStream,
  },
]
