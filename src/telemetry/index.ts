/** What the process tells about itself: log, metrics and health checks. */
export { Health, type HealthCheck, type HealthReport, type HealthResult } from "./health.ts";
export {
  createLog,
  LOG_LEVELS,
  type Log,
  type LogLevel,
  type LogOptions,
  type LogWithRedactor,
} from "./log.ts";
export { Metrics } from "./metrics.ts";
export { Redactor } from "./redact.ts";
