/** What travels between the threads of the broker: bytes, rows and numbers. */
import type { CrossMatchSettings } from "../enrich/crossmatch/index.ts";
import type { ScoreCounts, ScoreNews, ScoreSettings } from "../enrich/scores/index.ts";
import type { BrokenFilter, Tallies } from "../filters/index.ts";
import type { RegistrySettings } from "../kafka/index.ts";
import type { Packet, PacketFault, SourceSpec } from "../sources/index.ts";
import type { EncodedAlert, EncodedEntry, StoreSettings } from "../store/index.ts";
import type { CutoutsKept } from "./cutouts.ts";
import type { Schemas } from "./schemas.ts";

/** How the broker works, for every thread of it. */
export interface BrokerOptions {
  readonly store: StoreSettings;
  /** Folder for downloads. */
  readonly downloads: string;
  readonly sources: readonly SourceSpec[];
  /** Where the schemas of framed messages are found; such messages are faulty when left out. */
  readonly registry?: RegistrySettings;
  /** Decode threads. */
  readonly workers: number;
  readonly batchPackets: number;
  readonly cutouts: CutoutsKept;
  /** With which catalogues new objects are matched. */
  readonly crossMatches: CrossMatchSettings;
  /** The networks that score alerts; none when left out. */
  readonly scores?: ScoreSettings | undefined;
  /** Read sources one after the other (a command), or all at once (a server). */
  readonly sequential: boolean;
  /** Begin sources anew that were interrupted. */
  readonly fromStart: boolean;
  /** Whether alerts of reported objects go to the outbox when no filter passes them. */
  readonly followReported?: boolean;
  /** How long to go on trying when the store cannot be written, milliseconds. */
  readonly retryMs: number;
}

export type DecodeRequest =
  | {
      readonly type: "open";
      readonly cutouts: CutoutsKept;
      readonly crossMatches: CrossMatchSettings;
      readonly scores: ScoreSettings | undefined;
      readonly store: StoreSettings;
    }
  /** Decodes a batch. Its buffers come back with the answer to `filter`. */
  | {
      readonly type: "decode";
      readonly id: number;
      readonly packets: readonly Packet[];
      /** Of those that are framed. */
      readonly schemas: Schemas | undefined;
      readonly buffers: readonly ArrayBuffer[];
    }
  /** Runs the filters on the batch that was decoded by the request of this number, and gives it away. */
  | { readonly type: "filter"; readonly id: number; readonly batch: number }
  /** Asks what filters did since they were last asked. */
  | { readonly type: "tell"; readonly id: number };

/** A packet that becomes a dead letter: which of the packets sent, and why. */
export interface FaultyPacket {
  readonly index: number;
  readonly survey?: string;
  readonly fault: PacketFault;
  readonly bytes: Uint8Array;
}

export type DecodeAnswer =
  /** `names` are those of the batch's objects and alerts. */
  | { readonly type: "decoded"; readonly id: number; readonly names: readonly string[] }
  | {
      readonly type: "filtered";
      readonly id: number;
      readonly alerts: readonly EncodedAlert[];
      readonly faulty: readonly FaultyPacket[];
      readonly scores: ScoreNews;
      /** What rows and faulty packets refer to, those of the packets among them: not used behind the write. */
      readonly buffers: readonly ArrayBuffer[];
      readonly outbox: readonly EncodedEntry[];
      readonly tallies: Tallies;
      readonly broken: readonly BrokenFilter[];
    }
  | {
      readonly type: "told";
      readonly id: number;
      readonly tallies: Tallies;
      readonly broken: readonly BrokenFilter[];
    }
  | { readonly type: "failed"; readonly id: number; readonly name: string; readonly message: string };

export interface SourceState {
  readonly name: string;
  readonly state: "waiting" | "reading" | "done" | "failed" | "stopped";
  readonly bytesRead: number;
  readonly bytesTotal: number | undefined;
  /** Packets that wait behind what is stored, by partition, where the source knows. */
  readonly lag?: ReadonlyMap<string, number>;
  /** When the source's servers last answered, or were first asked, milliseconds since the epoch, where it has any. */
  readonly answeredAt?: number;
  readonly error?: string;
}

export interface BrokerStats {
  /** Packets whose batch is durable. */
  readonly packets: number;
  /** Bytes of these packets. */
  readonly bytes: number;
  readonly stored: number;
  readonly duplicates: number;
  /** Faulty packets; those that were dead letters before count too. */
  readonly deadLetters: number;
  /** Faulty packets by reason. */
  readonly reasons: Readonly<Record<string, number>>;
  /** What became of alerts at each network. */
  readonly scores: ScoreCounts;
  readonly sources: readonly SourceState[];
}

export type PipelineRequest =
  | { readonly type: "start"; readonly options: BrokerOptions }
  | { readonly type: "stop" };

export type LogLine = {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number>>;
};

export type PipelineAnswer =
  | { readonly type: "stats"; readonly stats: BrokerStats }
  | { readonly type: "log"; readonly line: LogLine }
  | { readonly type: "filters"; readonly tallies: Tallies; readonly broken: readonly BrokenFilter[] }
  | { readonly type: "ended"; readonly stats: BrokerStats; readonly failure?: string };
