/** The entry of a serving process. `start` runs it, several times, when there are to be several processes. */

import { systemClock } from '../clock.js'
import { serve } from '../cluster/process.js'
import { portToManager } from '../cluster/spawn.js'
import { type ServedConfiguration, ServingListeners } from './serving-listeners.js'

process.title = 'pointsman'
// Ctrl-C and the end of a terminal reach every process of a group. This one ends when its manager says so.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP']) process.on(signal, () => {})

// Until there is a log to be opened anew: without a listener, Node would open its debugger.
let reopen = (): void => {}
process.on('SIGUSR1', () => reopen())

serve({
  port: portToManager(),
  clock: systemClock,
  open: (configuration, manager) => {
    const settings = { ...manager, clock: systemClock }
    const served = new ServingListeners(configuration as ServedConfiguration, settings)
    reopen = () => served.reopenLog()
    return served
  },
  exit: () => process.exit(0),
})
