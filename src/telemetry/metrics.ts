/** The metrics of one process in Prometheus's format; each room registers its own on the registry it is given. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** How long an answer waits for a value that has to be asked for, milliseconds: who reads metrics gives up soon. */
const COLLECT_MS = 300;

export class Metrics {
  readonly registry = new Registry();

  constructor(options: { processMetrics?: boolean } = {}) {
    if (options.processMetrics === true) collectDefaultMetrics({ register: this.registry });
  }

  /** A number that only grows, e.g. `kowalski_alerts_stored_total`. Asking twice gives the same one. */
  counter<L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    const known = this.registry.getSingleMetric(name);
    if (known instanceof Counter) return known as Counter<L>;
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  /**
   * A number that goes up and down; `collect` is called before each answer to set it. What it does not get in time,
   * or at all, keeps the last value: metrics are there when a store is not.
   */
  gauge<L extends string = never>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    collect?: (gauge: Gauge<L>) => void | Promise<void>,
  ): Gauge<L> {
    const known = this.registry.getSingleMetric(name);
    if (known instanceof Gauge) return known as Gauge<L>;
    const gauge: Gauge<L> = new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      ...(collect === undefined ? {} : { collect: inTime(() => collect(gauge)) }),
    });
    return gauge;
  }

  /** A distribution, e.g. of seconds; `buckets` are upper bounds in the metric's unit. */
  histogram<L extends string = never>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    buckets: readonly number[] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 300],
  ): Histogram<L> {
    const known = this.registry.getSingleMetric(name);
    if (known instanceof Histogram) return known as Histogram<L>;
    return new Histogram({
      name,
      help,
      labelNames: [...labelNames],
      buckets: [...buckets],
      registers: [this.registry],
    });
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  /** All metrics in Prometheus's text format. */
  text(): Promise<string> {
    return this.registry.metrics();
  }
}

/** The same, waited for no longer than `COLLECT_MS`, and not asked again while it is under way. */
function inTime(collect: () => void | Promise<void>): () => void | Promise<void> {
  let underway: Promise<void> | undefined;
  return () => {
    if (underway === undefined) {
      const answer = collect();
      if (answer === undefined) return;
      underway = answer
        // Whether the store is there is for `/ready` to tell.
        .catch(() => {})
        .finally(() => {
          underway = undefined;
        });
    }
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, COLLECT_MS);
    });
    return Promise.race([underway, late]).finally(() => clearTimeout(timer));
  };
}
