export type {
  Balancer,
  BalancerContext,
  BalancerFactory,
  BalancerRequest,
  Candidate,
  Outcome,
} from './balancers/balancer.js'
export { registerBalancer } from './balancers/registry.js'
export type { Clock, Timer } from './clock.js'
export { ConfigError, type Diagnostic, type Place } from './config/diagnostics.js'
export { type Config, loadConfig, parseConfig } from './config/load.js'
export { createProxy } from './create.js'
export { type ErrorCode, type Fault, ProxyError, type Retry } from './errors.js'
export {
  type Change,
  ChangeError,
  type ChangeResult,
  type CheckSnapshot,
  type Control,
  type HealthSettings,
  type LocalControl,
  type PoolSnapshot,
  type ProcessSnapshot,
  type ServerSnapshot,
  type Snapshot,
  type StateChange,
  type Verdict,
} from './forward/control.js'
export type { Logger, ProxyEvents, ProxyStats, RequestSummary } from './forward/events.js'
export type { ExplainedEntry, ExplainedServer, ExplainRequest, Explanation } from './forward/explain.js'
export type { PoolStatus, ServerStatus } from './forward/status-page.js'
export { type DurationCounts, percentile } from './pool/durations.js'
export type { ServerState } from './pool/server.js'
export type { CloseOptions, Proxy, ProxySettings } from './proxy.js'
export type { Random } from './random.js'
