/** `kowalski version`: the version, the commit and the runtime. */
import { version } from "../config/index.ts";
import { defineCommand } from "./command.ts";
import { EXIT_DONE } from "./errors.ts";

export const command = defineCommand({
  name: "version",
  summary: "print the version",
  async run({ output }) {
    output.line(
      `kowalski ${version.release} (${version.commit}, Bun ${Bun.version}, ${process.platform} ${process.arch})`,
    );
    output.json({
      version: version.release,
      commit: version.commit,
      bun: Bun.version,
      platform: process.platform,
      arch: process.arch,
    });
    return EXIT_DONE;
  },
});
