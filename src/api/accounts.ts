/** User accounts as documents of the `users` collection. No HTTP here: the command line uses it too. */
import { type Document, isDocument, type Value } from "../query/index.ts";
import { DuplicateKeyError, type Store } from "../store/index.ts";

const USERS = "users";
const MAX_TIME_MS = 10_000;
/** What a user name may be: it stands in URLs and logs. */
const NAME = /^[\p{L}\p{N}][\p{L}\p{N}._@+-]{0,63}$/u;

/** An account problem that the caller can mend; `field` says where. */
export class AccountError extends Error {
  override readonly name = "AccountError";
  constructor(
    readonly kind: "invalid" | "conflict" | "missing" | "administrator",
    message: string,
  ) {
    super(message);
  }
}

export interface Account {
  readonly username: string;
  readonly email: string | null;
  /** Program ids by survey, e.g. `{ZTF: [1, 2]}`; a survey that is not named is unrestricted. */
  readonly permissions: Readonly<Record<string, readonly number[]>>;
  /** Groups whose filters the user may manage. */
  readonly groups: readonly number[];
  readonly passwordHash: string;
  /** Changes with the password: tokens from before are no longer good. */
  readonly passwordStamp: number;
  readonly isAdmin: boolean;
  readonly lastModified: Date | undefined;
}

export interface NewAccount {
  readonly username: string;
  readonly password: string;
  readonly email?: string | null;
  readonly permissions?: Value;
  readonly groups?: Value;
}

/** What may be changed of an account. */
export interface AccountChange {
  readonly username?: string;
  readonly password?: string;
  readonly email?: string | null;
  readonly permissions?: Value;
  readonly groups?: Value;
}

/** A hash that no password has, so that unknown users cost as much time as known ones. */
let decoy: Promise<string> | undefined;

export class Accounts {
  /** Name of the one administrator. */
  readonly administrator: string;

  constructor(
    readonly store: Store,
    readonly admin: { readonly username: string; readonly password: string },
  ) {
    this.administrator = admin.username;
  }

  async find(username: string): Promise<Account | undefined> {
    const filter = { _id: username };
    const document = await this.store.findOne({ collection: USERS, filter, maxTimeMs: MAX_TIME_MS });
    return document === undefined ? undefined : this.#fromDocument(document);
  }

  async list(): Promise<Account[]> {
    const accounts: Account[] = [];
    const request = { collection: USERS, filter: {}, maxTimeMs: MAX_TIME_MS };
    for await (const document of this.store.find(request).documents())
      accounts.push(this.#fromDocument(document));
    return accounts.sort((a, b) => (a.username < b.username ? -1 : 1));
  }

  async add(account: NewAccount): Promise<void> {
    checkName(account.username);
    checkPassword(account.password);
    const now = new Date();
    const document: Document = {
      _id: account.username,
      email: account.email ?? null,
      password: await hash(account.password),
      password_changed_at: now,
      permissions: checkPermissions(account.permissions),
      groups: checkGroups(account.groups),
      created_at: now,
      last_modified: now,
    };
    try {
      await this.store.insert(USERS, [document]);
    } catch (error) {
      if (error instanceof DuplicateKeyError) {
        throw new AccountError("conflict", `user ${account.username} exists already`);
      }
      throw error;
    }
  }

  async edit(username: string, change: AccountChange): Promise<void> {
    const filter = { _id: username };
    const document = await this.store.findOne({ collection: USERS, filter, maxTimeMs: MAX_TIME_MS });
    if (document === undefined) throw new AccountError("missing", `user ${username} not found`);
    const renamed =
      change.username !== undefined && change.username !== username ? change.username : undefined;
    if (renamed !== undefined && username === this.administrator) {
      throw new AccountError("administrator", "cannot rename the superuser!");
    }
    const now = new Date();
    const changed: Document = { ...document, last_modified: now };
    if (change.password !== undefined) {
      checkPassword(change.password);
      changed["password"] = await hash(change.password);
      changed["password_changed_at"] = now;
    }
    if (change.email !== undefined) changed["email"] = change.email;
    if (change.permissions !== undefined) changed["permissions"] = checkPermissions(change.permissions);
    if (change.groups !== undefined) changed["groups"] = checkGroups(change.groups);
    if (renamed === undefined) {
      await this.store.replace(USERS, changed);
      return;
    }
    checkName(renamed);
    if ((await this.find(renamed)) !== undefined) {
      throw new AccountError("conflict", `user ${renamed} exists already`);
    }
    await this.store.insert(USERS, [{ ...changed, _id: renamed }]);
    await this.store.remove(USERS, username);
  }

  async remove(username: string): Promise<void> {
    if (username === this.administrator) {
      throw new AccountError("administrator", "cannot remove the superuser!");
    }
    if (!(await this.store.remove(USERS, username))) {
      throw new AccountError("missing", `user ${username} not found`);
    }
  }

  /** The account of these credentials; takes the same time whether the user exists or not. */
  async verify(username: string, password: string): Promise<Account | undefined> {
    const account = await this.find(username);
    decoy ??= hash(crypto.randomUUID());
    const good = await Bun.password
      .verify(password, account?.passwordHash ?? (await decoy))
      .catch(() => false);
    return good ? account : undefined;
  }

  /** Makes the administrator's account what the configuration says. */
  async ensureAdministrator(): Promise<void> {
    const { password } = this.admin;
    const known = await this.find(this.administrator);
    if (known === undefined) {
      await this.add({ username: this.administrator, password }).catch((error: unknown) => {
        // Another process beside this one may have been first.
        if (!(error instanceof AccountError && error.kind === "conflict")) throw error;
      });
    } else if (!(await Bun.password.verify(password, known.passwordHash).catch(() => false))) {
      await this.edit(this.administrator, { password });
    }
  }

  #fromDocument(document: Document): Account {
    const changed = document["password_changed_at"];
    const modified = document["last_modified"];
    const username = String(document["_id"]);
    return {
      username,
      email: typeof document["email"] === "string" ? document["email"] : null,
      permissions: checkPermissions(document["permissions"]),
      groups: checkGroups(document["groups"]),
      passwordHash: String(document["password"]),
      passwordStamp: changed instanceof Date ? changed.getTime() : 0,
      isAdmin: username === this.administrator,
      lastModified: modified instanceof Date ? modified : undefined,
    };
  }
}

/** argon2id with the runtime's defaults (64 MiB, 2 passes), off the calling thread. */
const hash = (password: string) => Bun.password.hash(password, { algorithm: "argon2id" });

function checkName(username: string): void {
  if (NAME.test(username)) return;
  throw new AccountError(
    "invalid",
    "username: expected 1 to 64 letters, digits and . _ @ + -, beginning with a letter or digit",
  );
}

function checkPassword(password: string): void {
  if (password !== "") return;
  throw new AccountError("invalid", "password: expected a text that is not empty");
}

function checkPermissions(value: Value | undefined): Record<string, number[]> {
  if (value === undefined || value === null) return {};
  if (!isDocument(value)) {
    throw new AccountError("invalid", 'permissions: expected program ids by survey, e.g. {"ZTF": [1, 2]}');
  }
  return Object.fromEntries(
    Object.entries(value).map(([survey, ids]) => [
      survey.toUpperCase(),
      integers(ids, `permissions.${survey}`),
    ]),
  );
}

function checkGroups(value: Value | undefined): number[] {
  return value === undefined || value === null ? [] : integers(value, "groups");
}

function integers(value: Value | undefined, field: string): number[] {
  if (Array.isArray(value) && value.every((item) => typeof item === "number" && Number.isInteger(item))) {
    return value.map(Number);
  }
  throw new AccountError("invalid", `${field}: expected a list of whole numbers`);
}
