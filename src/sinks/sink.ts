/** Where matches go: what every sink is, and how it says that a delivery failed. */
import type { OutboxItem } from "./outbox.ts";

/** Matches that are delivered together: all of one alert, or one. */
export interface Delivery {
  readonly survey: string;
  readonly candid: bigint;
  readonly objectId: string;
  /** At least one, in the order in which they were recorded. */
  readonly items: readonly [OutboxItem, ...OutboxItem[]];
}

export interface Sink {
  /** From the configuration: under this name the sink's place in the outbox is kept. */
  readonly name: string;
  /** Whether all matches of an alert are delivered together. */
  readonly takes: "matches" | "alerts";
  /** Deliveries that may be under way at once, each of another object. */
  readonly concurrency: number;
  /** Whether the entry is for this sink; others are passed over. */
  wants(item: OutboxItem): boolean;
  /**
   * Resolves when the receiver has it for good. Called again with the same delivery, also after a restart,
   * until then. Throws `RefusedError` when trying again is no use, anything else when it is.
   */
  deliver(delivery: Delivery, signal: AbortSignal): Promise<void>;
  /**
   * Calls back with what keeps deliveries that are under way waiting, where the sink waits for its receiver by
   * itself: as often as it has something to say.
   */
  onTrouble?(callback: (reason: string) => void): void;
  /** Resolves with what was found, or throws what is wrong; changes nothing. */
  check(signal: AbortSignal): Promise<string>;
  close(): Promise<void>;
}

/** The receiver will never take this delivery: it goes to the list of failures. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
}

/** The receiver may take it later. */
export class UnavailableError extends Error {
  override readonly name = "UnavailableError";
  constructor(
    message: string,
    /** How long the receiver asks to be left alone, milliseconds. */
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }
}
