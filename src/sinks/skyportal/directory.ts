/** What SkyPortal has: instruments, streams and groups. Read when the sink starts, groups again when one is new. */
import { isDocument, type Value } from "../../query/index.ts";
import type { Survey } from "../../surveys/index.ts";
import { RefusedError, UnavailableError } from "../sink.ts";
import { documentsOf, type SkyPortalClient } from "./client.ts";

/** How SkyPortal files a survey's photometry. */
export interface Channel {
  readonly instrumentId: number;
  /** Streams with the programs whose photometry they have; undefined: all of it. */
  readonly streams: readonly { readonly id: number; readonly programs: readonly number[] | undefined }[];
}

/** A group that SkyPortal does not know is asked for again after this, milliseconds. */
const FORGET_MISSING_MS = 60_000;
/** Names may change: groups are read again after this, milliseconds. */
const FORGET_MS = 3_600_000;

interface Known<T> {
  readonly value: Promise<T>;
  readonly until: number;
}

export class Directory {
  readonly #channels = new Map<string, Known<Channel>>();
  readonly #groups = new Map<number, Known<GroupNames | undefined>>();

  constructor(readonly client: SkyPortalClient) {}

  /** Throws `UnavailableError` when SkyPortal lacks the instrument or its streams: an administrator's task there. */
  channel(survey: Survey, signal: AbortSignal): Promise<Channel> {
    return remembered(this.#channels, survey.name, () => this.#readChannel(survey, signal)).catch(notRefused);
  }

  /** Names of a group and its filters; undefined when the token cannot see such a group. */
  async group(id: number, signal: AbortSignal): Promise<GroupNames | undefined> {
    const found = await remembered(this.#groups, id, () => this.#readGroup(id, signal));
    if (found === undefined)
      this.#groups.set(id, { value: Promise.resolve(undefined), until: Date.now() + FORGET_MISSING_MS });
    return found;
  }

  async #readChannel(survey: Survey, signal: AbortSignal): Promise<Channel> {
    const names = survey.skyportal;
    if (names === undefined)
      throw new UnavailableError(`${survey.name} alerts have no instrument in SkyPortal`);
    const instruments = await this.client.call("GET", `/api/instrument?name=${names.instrument}`, { signal });
    const instrumentId = idOf(documentsOf(instruments)[0]);
    if (instrumentId === undefined)
      throw new UnavailableError(`SkyPortal has no instrument named ${names.instrument}: add it there`);
    const streams = documentsOf(await this.client.call("GET", "/api/streams", { signal })).flatMap(
      (stream) => {
        const id = idOf(stream);
        const known = names.streams.find(({ name }) => name.test(String(stream["name"])));
        return known === undefined || id === undefined ? [] : [{ id, programs: known.programs }];
      },
    );
    if (streams.length === 0)
      throw new UnavailableError(`SkyPortal has no stream for ${survey.name} that this token can see`);
    return { instrumentId, streams };
  }

  async #readGroup(id: number, signal: AbortSignal): Promise<GroupNames | undefined> {
    try {
      const path = `/api/groups/${id}?includeGroupUsers=False`;
      const group = await this.client.call("GET", path, { signal });
      if (!isDocument(group)) return undefined;
      const filters = documentsOf(group["filters"]).map(
        (filter) => [Number(filter["id"]), String(filter["name"])] as const,
      );
      return { name: String(group["nickname"] || group["name"]), filters: new Map(filters) };
    } catch (error) {
      if (error instanceof RefusedError) return undefined;
      throw error;
    }
  }
}

/** A refusal here speaks of the address or the token, not of a match. */
function notRefused(error: unknown): never {
  throw error instanceof RefusedError ? new UnavailableError(error.message) : error;
}

export interface GroupNames {
  readonly name: string;
  readonly filters: ReadonlyMap<number, string>;
}

function remembered<K, T>(known: Map<K, Known<T>>, key: K, read: () => Promise<T>): Promise<T> {
  const found = known.get(key);
  if (found !== undefined && found.until > Date.now()) return found.value;
  const value = read();
  known.set(key, { value, until: Date.now() + FORGET_MS });
  value.catch(() => known.delete(key));
  return value;
}

function idOf(value: Value | undefined): number | undefined {
  const id = isDocument(value) ? Number(value["id"]) : Number.NaN;
  return Number.isInteger(id) ? id : undefined;
}
