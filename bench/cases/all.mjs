/** Every case, in the order of the report. */

import { bodyCase } from './body.mjs'
import { fleetCase } from './fleet.mjs'
import { idleCase } from './idle.mjs'
import { joinedCase } from './joined.mjs'
import { managedCase } from './managed.mjs'
import { pickCase } from './pick.mjs'
import { processesCase } from './processes.mjs'
import { entriesCase, featuresCase, serversCase } from './product.mjs'
import { registryCase } from './registry.mjs'
import { requestCases } from './requests.mjs'
import { tcpCase } from './tcp.mjs'
import { tunnelCase } from './tunnel.mjs'
import { messagesCase, webSocketsCase } from './websocket.mjs'

/** @type {readonly import('./case.mjs').Case[]} */
export const cases = [
  ...requestCases,
  entriesCase,
  serversCase,
  pickCase,
  featuresCase,
  managedCase,
  tunnelCase,
  messagesCase,
  webSocketsCase,
  idleCase,
  bodyCase,
  fleetCase,
  joinedCase,
  registryCase,
  processesCase,
  tcpCase,
]
