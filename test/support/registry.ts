/** A schema registry for tests: the routes that clients ask, and what it was asked. */

export interface TestRegistry {
  readonly url: string;
  /** Paths and accounts of the requests so far. */
  readonly asked: readonly string[];
  /** What it knows, by number; may be changed. */
  readonly schemas: Map<number, string>;
  /** While set, every request is answered with this status. */
  fail: number | undefined;
  stop(): Promise<void>;
}

/** Starts a registry on a free port; with `account` ("name:password") it lets nobody else in. */
export function startRegistry(schemas: Iterable<[number, string]>, account?: string): TestRegistry {
  const known = new Map(schemas);
  const asked: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const { pathname } = new URL(request.url);
      asked.push(pathname);
      if (registry.fail !== undefined) return new Response("no", { status: registry.fail });
      const wanted = account === undefined ? undefined : `Basic ${btoa(account)}`;
      if (wanted !== undefined && request.headers.get("authorization") !== wanted) {
        return Response.json({ error_code: 401, message: "Unauthorized" }, { status: 401 });
      }
      const [, id] = /^\/schemas\/ids\/(\d+)$/.exec(pathname) ?? [];
      if (id === undefined) return Response.json({ error_code: 404, message: "HTTP 404" }, { status: 404 });
      const schema = known.get(Number(id));
      if (schema === undefined) {
        return Response.json({ error_code: 40403, message: `Schema ${id} not found` }, { status: 404 });
      }
      return Response.json({ schema });
    },
  });
  const registry: TestRegistry = {
    url: `http://127.0.0.1:${server.port}`,
    asked,
    schemas: known,
    fail: undefined,
    stop: () => server.stop(true),
  };
  return registry;
}
