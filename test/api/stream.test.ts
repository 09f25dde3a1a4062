/** `/api/stream`: matches as they come, to those who may see them, from where they left off. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import type { Match } from "../../src/filters/index.ts";
import { LiveFeed } from "../../src/sinks/index.ts";
import { openEmbeddedWriter } from "../../src/store/index.ts";
import { matchFor, openTestStore } from "../sinks/support.ts";
import { openTestApi, type TestApi, type Who } from "../support/api.ts";
import { matchBatch } from "../support/matches.ts";

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
  // ada sees all programs, bea the public ones.
  await api.accounts.edit("ada", { groups: [1, 2] });
  await api.accounts.edit("bea", { groups: [1] });
});
afterAll(() => api.close());

interface Event {
  readonly id: string;
  readonly data: Match;
}

/** A client that reads events until it has what it wants. */
class Client {
  readonly #abort = new AbortController();
  #text = "";
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  status = 0;
  headers = new Headers();

  static async connect(who: Who, path = "", headers: Record<string, string> = {}): Promise<Client> {
    const client = new Client();
    const answer = await fetch(`${api.url}/api/stream${path}`, {
      headers: { authorization: `Bearer ${api.tokens.get(who) ?? ""}`, ...headers },
      signal: client.#abort.signal,
    });
    client.status = answer.status;
    client.headers = answer.headers;
    client.#reader = answer.body?.getReader();
    return client;
  }

  /** Reads until the text has a word, or for a while. */
  async until(word: string, milliseconds = 5000): Promise<string> {
    const deadline = performance.now() + milliseconds;
    const decoder = new TextDecoder();
    while (!this.#text.includes(word) && performance.now() < deadline) {
      const late = Bun.sleep(deadline - performance.now()).then(() => undefined);
      const piece = await Promise.race([this.#reader?.read(), late]);
      if (piece === undefined || piece.done) break;
      this.#text += decoder.decode(piece.value);
    }
    return this.#text;
  }

  events(): Event[] {
    return [...this.#text.matchAll(/id: (\d+)\nevent: match\ndata: (.*)\n\n/g)].map(
      ([, id = "", data = ""]) => ({
        id,
        data: JSON.parse(data) as Match,
      }),
    );
  }

  close(): void {
    this.#abort.abort();
  }
}

async function add(...matches: readonly Match[]): Promise<void> {
  const writer = await openEmbeddedWriter({ dataDir: api.dataDir });
  await writer.write(matchBatch(matches));
  await writer.close();
}

/** Candids of the events that a client got, once it saw the last one. */
const candids = (client: Client) => client.events().map(({ data }) => Number(data.candid));

describe("stream", () => {
  test("sends matches as they come, and goes on behind the last one seen", async () => {
    const first = await Client.connect("admin");
    expect(first.status).toBe(200);
    expect(first.headers.get("content-type")).toContain("text/event-stream");
    await first.until("retry: 3000");
    await add(matchFor(1n, "a"), matchFor(2n, "b"));
    await first.until('"candid":2');
    expect(candids(first)).toEqual([1, 2]);
    const [event] = first.events();
    expect(event?.data).toMatchObject({
      id: "ZTF/1/1/1",
      objectId: "a",
      filter: "1/1",
      annotations: { n: 1 },
    });
    first.close();
    await add(matchFor(3n, "a"));
    const again = await Client.connect("admin", "", { "last-event-id": event?.id ?? "" });
    await again.until('"candid":3');
    expect(candids(again)).toEqual([2, 3]);
    again.close();
    const anew = await Client.connect("admin", "?last_event_id=0");
    await anew.until('"candid":3');
    expect(candids(anew)).toEqual([1, 2, 3]);
    anew.close();
  });

  test("shows a user the matches of own groups, within own programs", async () => {
    const clients = await Promise.all([
      Client.connect("ada"),
      Client.connect("bea"),
      Client.connect("admin"),
    ]);
    await Promise.all(clients.map((client) => client.until("retry")));
    await add(
      matchFor(11n, "a", { group_id: 1, permissions: [1] }),
      matchFor(12n, "a", { group_id: 1, permissions: [1, 2] }),
      matchFor(13n, "a", { group_id: 2, permissions: [1] }),
      matchFor(14n, "a", { group_id: 3, permissions: [1] }),
      matchFor(15n, "a", { group_id: 1, permissions: [1] }),
    );
    await Promise.all(clients.map((client) => client.until('"candid":15')));
    expect(clients.map(candids)).toEqual([
      [11, 12, 13, 15],
      [11, 15],
      [11, 12, 13, 14, 15],
    ]);
    for (const client of clients) client.close();
  });

  test("is narrowed by filter, group and survey; what is passed over moves the place", async () => {
    const client = await Client.connect("admin", "?filter_id=2,3&group_id=1&survey=ztf");
    await client.until("retry");
    await add(
      matchFor(21n, "a", { filter_id: 1 }),
      matchFor(22n, "a", { filter_id: 2 }),
      matchFor(23n, "a", { filter_id: 3, group_id: 2 }),
      matchFor(24n, "a", { filter_id: 3 }),
      matchFor(25n, "a", { filter_id: 1 }),
    );
    const text = await client.until(": waiting");
    expect(candids(client)).toEqual([22, 24]);
    const [, place] = /: waiting\nid: (\d+)\n/.exec(text) ?? [];
    expect(Number(place)).toBe(Number(client.events().at(-1)?.id) + 1);
    client.close();
  });

  test("wrong requests are told what is wrong", async () => {
    for (const [who, path, status, word] of [
      ["nobody", "", 401, "missing token"],
      ["admin", "?filter_id=x", 400, "filter_id"],
      ["admin", "?last_event_id=-1", 400, "Last-Event-ID"],
    ] as const) {
      const answer = await api.ask(who, "GET", `/api/stream${path}`);
      expect(answer.status).toBe(status);
      expect(answer.text).toContain(word);
    }
  });
});

describe("feed", () => {
  test("serves any number of listeners from few reads, and late ones from the store", async () => {
    await using under = await openTestStore();
    const feed = new LiveFeed(under.store);
    const signal = new AbortController().signal;
    const start = await feed.newest();
    const readAll = async (count: number) => {
      const seen: bigint[] = [];
      for (let place = start; seen.length < count; place = seen.at(-1) ?? place) {
        seen.push(...(await feed.next(place, 5000, signal)).map(({ seq }) => seq));
      }
      return seen;
    };
    const listeners = Promise.all([readAll(3000), readAll(3000), readAll(3000)]);
    for (let batch = 0; batch < 3; batch++) {
      await under.add(...Array.from({ length: 1000 }, (_, n) => matchFor(BigInt(batch * 1000 + n), `o${n}`)));
    }
    const all = Array.from({ length: 3000 }, (_, n) => BigInt(n + 1));
    for (const seen of await listeners) expect(seen).toEqual(all);
    // More than is kept in memory.
    expect(await readAll(3000)).toEqual(all);
    expect(await feed.next(3000n, 10, signal)).toEqual([]);
    feed.close();
    expect(await feed.next(3000n, 60_000, signal)).toEqual([]);
  });

  test("a client that does not read is sent no more than the connection holds", async () => {
    const big = "x".repeat(20_000);
    await add(
      ...Array.from({ length: 2000 }, (_, n) =>
        matchFor(BigInt(100_000 + n), "slow", { annotations: { big } }),
      ),
    );
    // Until the feed has read them for those who listen.
    await Bun.sleep(1000);
    let pages = 0;
    const { store } = api;
    const find = store.find.bind(store);
    store.find = (request) => {
      if (request.collection === "outbox") pages++;
      return find(request);
    };
    const { hostname, port } = new URL(api.url);
    const socket = connect(Number(port), hostname);
    const token = api.tokens.get("admin") ?? "";
    socket.write(
      `GET /api/stream?last_event_id=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    );
    socket.pause();
    await Bun.sleep(700);
    // 40 MB wait, the older half in five pages of the store; the connection takes about one.
    expect(pages).toBeGreaterThan(0);
    expect(pages).toBeLessThan(4);
    let last = "";
    const whole = new Promise<void>((resolve) => {
      socket.on("data", (piece: Buffer) => {
        last = last.slice(-100) + piece.toString("latin1");
        if (last.includes('"candid":101999')) resolve();
      });
    });
    socket.resume();
    await whole;
    socket.destroy();
    store.find = find;
  });
});
