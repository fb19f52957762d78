import { EventEmitter } from 'node:events'
import { describe } from 'node:test'
import { createHttpProxyTransport } from '#lib/transports/http-proxy/transport.js'
import { createHttp1Transport } from '#lib/transports/http1/transport.js'
import { http2Subjects } from './http2-subjects.js'
import { type TransportSubject, transportContract } from './transport.js'

const subjects: readonly TransportSubject[] = [
  { name: 'http1', create: (clock) => createHttp1Transport(clock), skip: {} },
  {
    name: 'http-proxy',
    create: (clock) => createHttpProxyTransport(clock, new EventEmitter()),
    skip: {
      'has none: HEAD without framing; and the connection goes on': "Node's client closes the connection",
    },
  },
  ...http2Subjects,
]

for (const subject of subjects) describe(subject.name, () => transportContract(subject))
