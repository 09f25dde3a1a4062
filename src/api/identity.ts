/** Who asks: tokens, and the users they stand for. */
import type { Account, Accounts } from "./accounts.ts";
import { forbidden, HttpError } from "./errors.ts";
import type { TokenCodec } from "./tokens.ts";

export interface User {
  readonly name: string;
  readonly isAdministrator: boolean;
  readonly account: Account;
}

/** The user of a command that works on the store itself: who may read its files may see all that is in them. */
export function operator(name: string): User {
  const account: Account = {
    username: name,
    email: null,
    permissions: {},
    groups: [],
    passwordHash: "",
    passwordStamp: 0,
    isAdmin: true,
    lastModified: undefined,
  };
  return { name, isAdministrator: true, account };
}

export class Identities {
  /** Accounts by name; emptied whenever any account changed. */
  readonly #accounts = new Map<string, Promise<Account | undefined>>();

  constructor(
    readonly accounts: Accounts,
    readonly tokens: TokenCodec,
  ) {
    accounts.store.onChange("users", () => this.#accounts.clear());
  }

  tokenFor(account: Account): Promise<string> {
    const claims = {
      user_id: account.username,
      stamp: account.passwordStamp,
      created_at: new Date().toISOString(),
    };
    return this.tokens.sign(claims);
  }

  /** The user of a request. Throws `HttpError` 401. */
  async userOf(request: Request): Promise<User> {
    const header = request.headers.get("authorization")?.trim() ?? "";
    const token = header.replace(/^bearer(\s+|$)/i, "").trim();
    if (token === "") throw unauthorized("missing token: send the header Authorization: Bearer <token>");
    const claims = await this.tokens.verify(token);
    if (claims === undefined)
      throw unauthorized("token is invalid or has expired: get a new one from /api/auth");
    const account = await this.#account(claims.user_id);
    if (account === undefined || account.passwordStamp !== claims.stamp) {
      throw unauthorized("token is no longer valid: the user was removed or the password changed");
    }
    return this.#user(account);
  }

  /** The user of this name, for work on their behalf. Throws `HttpError` 403 when there is none any more. */
  async userNamed(username: string): Promise<User> {
    const account = await this.accounts.find(username);
    if (account === undefined) throw forbidden(`user ${username} was removed`);
    return this.#user(account);
  }

  async administratorOf(request: Request): Promise<User> {
    const user = await this.userOf(request);
    if (!user.isAdministrator) throw forbidden("admin rights required");
    return user;
  }

  /** Forgets what is known of accounts: after a change of our own. */
  refresh(): void {
    this.#accounts.clear();
  }

  #user(account: Account): User {
    return {
      name: account.username,
      isAdministrator: account.username === this.accounts.administrator,
      account,
    };
  }

  #account(username: string): Promise<Account | undefined> {
    const known = this.#accounts.get(username);
    if (known !== undefined) return known;
    const found = this.accounts.find(username);
    this.#accounts.set(username, found);
    found.catch(() => this.#accounts.delete(username));
    return found;
  }
}

const unauthorized = (message: string) => new HttpError(401, message, { "www-authenticate": "Bearer" });
