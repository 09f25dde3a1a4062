/** Asks a running server as its users do. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A logged-in client; answers are parsed, so integers beyond 2^53 lose digits: for counts and names. */
export class Client {
  private constructor(
    readonly url: string,
    readonly token: string,
  ) {}

  /** Logs in as the administrator with the secrets that the first start wrote. */
  static async ofAdministrator(url: string, dataDir: string): Promise<Client> {
    const { server } = JSON.parse(readFileSync(join(dataDir, "secrets.json"), "utf8")) as {
      server: { admin_username: string; admin_password: string };
    };
    return Client.login(url, server.admin_username, server.admin_password);
  }

  /** Throws when the server does not let this user in. */
  static async login(url: string, username: string, password: string): Promise<Client> {
    const answer = await fetch(`${url}/api/auth`, {
      method: "POST",
      body: JSON.stringify({ username, password }),
    });
    const { token, message } = (await answer.json()) as { token?: string; message?: string };
    if (token === undefined) throw new Error(`login answered ${answer.status}: ${message}`);
    return new Client(url, token);
  }

  /** Runs one query and resolves with its `data`; throws when it fails. */
  async query(query_type: string, query: object, kwargs: object = {}): Promise<unknown> {
    const answer = await fetch(`${this.url}/api/queries`, {
      method: "POST",
      headers: { authorization: `Bearer ${this.token}` },
      body: JSON.stringify({ query_type, query, kwargs }),
    });
    const { status, message, data } = (await answer.json()) as {
      status: string;
      message: string;
      data?: unknown;
    };
    if (status !== "success") throw new Error(`query answered ${answer.status}: ${message}`);
    return data;
  }

  async count(catalog: string, filter: object = {}): Promise<number> {
    return Number(await this.query("count_documents", { catalog, filter }));
  }
}

/** Waits until `check` holds, asking again and again; throws after `timeoutMs`. */
export async function until(what: string, check: () => Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`);
    await Bun.sleep(25);
  }
}
