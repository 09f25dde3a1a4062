/** The two ways a verb ends badly: it was called wrongly, or it could not do its work. */

/** The command line is wrong: exit code 2, with a pointer to the help. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Something the user can understand and mend: exit code 1, one line. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
