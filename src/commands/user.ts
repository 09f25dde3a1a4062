/** `kowalski user`: manages users in the store directly, also beside a running server, which notices. */
import { Accounts } from "../api/accounts.ts";
import { randomPassword } from "../config/index.ts";
import type { Document } from "../query/index.ts";
import { type Command, type CommandContext, defineCommand, entry, type OptionSpecs } from "./command.ts";
import { CommandError, EXIT_DONE, UsageError } from "./errors.ts";
import { openConfiguredStore } from "./open-store.ts";

const NAME = { name: "USERNAME", help: "name of the user" } as const;
const PASSWORD_OPTIONS = {
  "password-stdin": { type: "flag", help: "read the password from standard input instead of making one" },
} as const satisfies OptionSpecs;
const PROGRAMIDS = {
  programids: {
    type: "text",
    value: "1,2",
    help: "ZTF programs whose alerts the user sees (1 public, 2 partnership, 3 Caltech); all when left out",
  },
} as const satisfies OptionSpecs;

/** Opens the store for the time of `work`. */
async function withAccounts<T, S extends OptionSpecs>(
  context: CommandContext<S>,
  work: (accounts: Accounts) => Promise<T>,
): Promise<T> {
  const { config } = context.loadConfig();
  const store = await openConfiguredStore(config);
  try {
    return await work(
      new Accounts(store, { username: config.server.admin_username, password: config.server.admin_password }),
    );
  } finally {
    await store.close();
  }
}

function usernameOf(args: readonly string[]): string {
  const [username] = args;
  if (username === undefined) throw new UsageError(`${NAME.name} is missing`);
  return username;
}

/** From standard input, never from the command line, where other users of the machine would see it. */
async function newPassword(fromStdin: boolean): Promise<{ password: string; made: boolean }> {
  if (!fromStdin) return { password: randomPassword(), made: true };
  const password = (await Bun.stdin.text()).replace(/\r?\n$/, "");
  if (password === "") throw new CommandError("standard input holds no password");
  return { password, made: false };
}

function permissionsOf(programids: string | undefined): Document {
  if (programids === undefined) return {};
  const ids = programids.split(",").map((id) => id.trim());
  if (!ids.every((id) => /^\d{1,4}$/.test(id))) {
    throw new UsageError(`--programids: expected numbers such as 1,2, got ${programids}`);
  }
  return { ZTF: ids.map(Number) };
}

function tellPassword(
  context: { output: CommandContext["output"] },
  done: string,
  username: string,
  made: string | undefined,
) {
  context.output.line(made === undefined ? done : `${done}, with the password ${made}`);
  context.output.json({ username, ...(made === undefined ? {} : { password: made }) });
}

const add = defineCommand({
  name: "add",
  summary: "add a user",
  description:
    "Adds a user with a strong random password, which is printed once, or with one from standard input.",
  positionals: [NAME],
  options: {
    ...PASSWORD_OPTIONS,
    ...PROGRAMIDS,
    email: { type: "text", value: "ADDRESS", help: "e-mail address" },
  },
  examples: [
    { line: "kowalski user add ada", help: "with a random password" },
    {
      line: "kowalski user add ada --password-stdin --programids 1 < password.txt",
      help: "public alerts only",
    },
  ],
  async run(context) {
    const username = usernameOf(context.args);
    const permissions = permissionsOf(context.options.programids);
    const { password, made } = await newPassword(context.options["password-stdin"]);
    const email = context.options.email ?? null;
    await withAccounts(context, (accounts) => accounts.add({ username, password, email, permissions }));
    tellPassword(context, `Added user ${username}`, username, made ? password : undefined);
    return EXIT_DONE;
  },
});

const list = defineCommand({
  name: "list",
  summary: "list the users",
  async run(context) {
    const users = await withAccounts(context, (accounts) => accounts.list());
    context.output.table(
      ["username", "email", "permissions", "role", "modified"],
      users.map((user) => ({
        username: user.username,
        email: user.email,
        permissions: user.permissions,
        role: user.isAdmin ? "administrator" : "user",
        modified: user.lastModified?.toISOString() ?? null,
      })),
    );
    return EXIT_DONE;
  },
});

const password = defineCommand({
  name: "password",
  summary: "give a user a new password",
  positionals: [NAME],
  options: PASSWORD_OPTIONS,
  async run(context) {
    const username = usernameOf(context.args);
    const { password: chosen, made } = await newPassword(context.options["password-stdin"]);
    await withAccounts(context, (accounts) => {
      if (username === accounts.administrator) {
        throw new CommandError(
          "the administrator's password is server.admin_password of the secrets: change it there",
        );
      }
      return accounts.edit(username, { password: chosen });
    });
    tellPassword(context, `Changed the password of ${username}`, username, made ? chosen : undefined);
    return EXIT_DONE;
  },
});

const remove = defineCommand({
  name: "remove",
  summary: "remove a user",
  positionals: [NAME],
  async run(context) {
    const username = usernameOf(context.args);
    await withAccounts(context, (accounts) => accounts.remove(username));
    context.output.line(`Removed user ${username}`);
    context.output.json({ username });
    return EXIT_DONE;
  },
});

const permissions = defineCommand({
  name: "permissions",
  summary: "say which alerts a user sees",
  positionals: [NAME],
  options: PROGRAMIDS,
  examples: [
    { line: "kowalski user permissions ada --programids 1,2", help: "public and partnership alerts" },
  ],
  async run(context) {
    const username = usernameOf(context.args);
    const allowed = permissionsOf(context.options.programids);
    await withAccounts(context, (accounts) => accounts.edit(username, { permissions: allowed }));
    context.output.line(`Changed the permissions of ${username}`);
    context.output.json({ username, permissions: allowed });
    return EXIT_DONE;
  },
});

export const command: Command = {
  name: "user",
  summary: "add, list, change and remove users",
  description:
    "Manages the users of the data folder, also beside a running server. The administrator's name and password " +
    "are in the secrets.",
  subcommands: [add, list, password, remove, permissions].map(entry),
};
