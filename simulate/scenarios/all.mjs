import { broken } from './broken.mjs'
import { cold } from './cold.mjs'
import { keys, moves } from './keys.mjs'
import { load } from './load.mjs'
import { lists, proxies } from './proxies.mjs'
import { rolling } from './rolling.mjs'
import { slow } from './slow.mjs'
import { theory } from './theory.mjs'

/** In the order of the page. @type {readonly import('./scenario.mjs').Scenario[]} */
export const scenarios = [theory, load, proxies, lists, slow, broken, rolling, cold, keys, moves]
