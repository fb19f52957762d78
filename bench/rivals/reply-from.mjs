import replyFrom from '@fastify/reply-from'
import fastify from 'fastify'
import { settings, target, tune } from './serve.mjs'

const app = fastify({ bodyLimit: Number.MAX_SAFE_INTEGER })
// Bodies are passed on, not parsed.
app.removeAllContentTypeParsers()
app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
app.register(replyFrom, { base: target })
app.all('/*', (request, reply) => reply.from(request.raw.url))
tune(app.server)
await app.listen({ port: settings.port, host: '127.0.0.1', backlog: 4096 })
