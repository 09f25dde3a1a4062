/** `kowalski secrets`: makes strong passwords and keys. */
import { newSecrets, writeSecrets } from "../config/index.ts";
import { type Command, defineCommand, entry } from "./command.ts";
import { EXIT_DONE } from "./errors.ts";

const create = defineCommand({
  name: "new",
  summary: "write a secrets.json with random secrets",
  description:
    "Makes an administrator's password and a key for tokens, both from the system's random source, and writes " +
    "them as a secrets.json that only its owner can read. Without --out they are printed.",
  options: {
    out: { type: "text", value: "FILE", help: "file to write; must not exist yet" },
    username: { type: "text", value: "NAME", default: "admin", help: "name of the administrator" },
  },
  examples: [
    { line: "kowalski secrets new --out secrets.json", help: "secrets for a server in this folder" },
    { line: "kowalski secrets new", help: "print them instead" },
  ],
  async run({ options, output }) {
    const secrets = newSecrets(options.username);
    if (options.out === undefined) {
      output.raw(`${JSON.stringify(secrets, null, output.isJson ? undefined : 2)}\n`);
      return EXIT_DONE;
    }
    writeSecrets(options.out, secrets, { overwrite: false });
    output.line(
      `Wrote ${options.out} (mode 0600). Add the accounts of other systems as in secrets.example.json.`,
    );
    output.json({ file: options.out });
    return EXIT_DONE;
  },
});

export const command: Command = {
  name: "secrets",
  summary: "make strong passwords and keys",
  subcommands: [entry(create)],
};
