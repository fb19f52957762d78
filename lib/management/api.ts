/** All calls of the API, in the order of its documentation. */

import { dashboardCalls } from './calls/dashboard.js'
import { operationCalls } from './calls/operations.js'
import { poolCalls } from './calls/pools.js'
import { withOverview } from './calls/root.js'
import { serverCalls } from './calls/servers.js'
import { statisticsCalls } from './calls/statistics.js'
import type { Route } from './route.js'

export const calls: readonly Route[] = withOverview([
  ...serverCalls,
  ...poolCalls,
  ...statisticsCalls,
  ...operationCalls,
  ...dashboardCalls,
])
