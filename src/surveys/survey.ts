/** What a survey tells the house. Adding one is a file here and a line in `surveys/index.ts`. */
import type { CatalogMatch } from "../config/cross-matches.ts";
import type { Document } from "../query/values.ts";
import type { AlertCollections, AlertRecord } from "../store/alert-record.ts";
import type { LightCurveRows } from "./photometry.ts";

/** A packet that decodes but is not a valid alert of its survey: names the field and what is wrong. */
export class PacketError extends Error {
  override readonly name = "PacketError";
  constructor(
    readonly field: string,
    reason: string,
  ) {
    super(`${field}: ${reason}`);
  }
}

/** A history of the aux document as filters see it. */
export interface FilterHistory {
  /** Name of the array, e.g. `prv_candidates`. */
  readonly field: string;
  /** Rows this many days before the alert, or more, are left out. */
  readonly days: number;
  /** Only rows that have these values. */
  readonly only?: Readonly<Record<string, string>>;
  /** Whether an object without stored rows has null, as one without the array has, instead of an empty array. */
  readonly nullWhenEmpty: boolean;
}

/** How SkyPortal knows a survey. */
export interface SkyPortalNames {
  /** Name of the instrument. */
  readonly instrument: string;
  /** Streams by name, each with the programs whose photometry it has; none: all of it. */
  readonly streams: readonly { readonly name: RegExp; readonly programs?: readonly number[] }[];
}

export const STAMP_KINDS = ["science", "template", "difference"] as const;
export type StampKind = (typeof STAMP_KINDS)[number];

/** Where the first row of a survey's stamps lies when north is up. */
export type FirstRow = "top" | "bottom";

export interface Survey {
  /** Upper-case name, as in collection names, e.g. `ZTF`. */
  readonly name: string;
  readonly collections: AlertCollections;
  /** Its image stamps: the fields of the packet by what they show, and how they are turned. */
  readonly stamps: {
    readonly fields: Readonly<Record<StampKind, string>>;
    readonly firstRow: FirstRow;
  };
  /** Whether a packet with this Avro schema (its full name, e.g. `ztf.alert`) is of this survey. */
  recognises(schemaName: string, fieldNames: ReadonlySet<string>): boolean;
  /** Path of the program id that proprietary rules look at, where the survey has one. */
  readonly programPath?: string;
  /** How its rows become a light curve. */
  readonly lightCurve?: LightCurveRows;
  /** How SkyPortal knows the survey. */
  readonly skyportal?: SkyPortalNames;
  /** Which histories a filter's alert is joined with, in this order. */
  readonly filterHistories: readonly FilterHistory[];
  /** With which catalogues its objects are matched by default, by the names of their collections. */
  readonly crossMatches?: Readonly<Record<string, CatalogMatch>>;
  /** Fields of its packets that may come as `FlatRecords` where they are arrays of long flat records. */
  readonly flatFields?: ReadonlySet<string>;
  /**
   * Maps a decoded packet to what is stored. The packet is taken over: its objects become part of the
   * answer. Throws `PacketError`.
   */
  map(packet: Document): AlertRecord;
}
