/** `kowalski catalog match`: matches stored objects with catalogues that were loaded after them. */
import { crossMatchRules, type RematchResult, rematch } from "../enrich/crossmatch/index.ts";
import { surveyByName } from "../surveys/index.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { CommandError, EXIT_DONE, EXIT_FAILED, UsageError } from "./errors.ts";
import { holdLease } from "./lease.ts";
import { crossMatchSettings, openConfiguredStore, storeSettings } from "./open-store.ts";

const options = {
  survey: { type: "text", value: "NAME", help: "only objects of this survey (default: of all)" },
  "from-start": { type: "flag", help: "begin anew where an earlier run was interrupted" },
} as const;

type Context = CommandContext<typeof options>;

export const match = defineCommand({
  name: "match",
  summary: "match stored objects with catalogues once more",
  description:
    "New objects are matched with the catalogues when they are first seen. This matches those that are stored " +
    "already, at the place of their first alert, after a catalogue was loaded or replaced or the configuration " +
    "changed. The lists of other catalogues stay. Works beside a running server. A run that is interrupted goes on " +
    "where it stopped when the same command is run again.",
  positionals: [
    {
      name: "NAME",
      help: "catalogue (default: all that the survey is matched with)",
      optional: true,
      variadic: true,
    },
  ],
  options,
  examples: [
    { line: "kowalski catalog match CLU_20190625", help: "after this catalogue was loaded" },
    { line: "kowalski catalog match --survey ZTF", help: "with all catalogues" },
  ],
  run: (context) => matchAll(context),
});

async function matchAll(context: Context): Promise<number> {
  const { args } = context;
  const { config } = context.loadConfig();
  const wanted = context.options.survey;
  const only = wanted === undefined ? undefined : surveyByName(wanted);
  if (wanted !== undefined && only === undefined) throw new UsageError(`there is no survey ${wanted}`);
  const surveys = [...crossMatchRules(config.cross_matches)]
    .filter(([survey]) => only === undefined || survey === only.name)
    .map(([survey, rules]) => ({ survey, known: new Set(rules.map(({ catalog }) => catalog)) }));
  const unknown = args.filter((name) => !surveys.some(({ known }) => known.has(name)));
  if (unknown.length > 0) {
    const names = surveys.map(({ survey }) => survey).join(", ");
    const places = unknown.map((name) => `cross_matches.${surveys[0]?.survey ?? "<survey>"}.${name}`);
    throw new CommandError(
      `objects of ${names} are not matched with ${unknown.join(", ")}: configure ${places.join(", ")}`,
    );
  }
  let code: number = EXIT_DONE;
  for (const { survey, known } of surveys) {
    // A catalogue may be matched with one survey and not with another.
    const catalogs = args.filter((name) => known.has(name));
    if (args.length > 0 && catalogs.length === 0) continue;
    const { stopped, outdated } = await matchSurvey(survey, catalogs, context);
    if (stopped || outdated) code = EXIT_FAILED;
    if (stopped) break;
  }
  return code;
}

async function matchSurvey(
  survey: string,
  catalogs: readonly string[],
  context: Context,
): Promise<RematchResult> {
  const { output, options: given, signal } = context;
  const { config } = context.loadConfig();
  const store = await openConfiguredStore(config);
  try {
    const release = await holdLease(store, `cross-matches ${survey}`, {
      signal,
      onWait: () => output.note(`another run for ${survey} is under way or ended just now: waiting for it`),
    });
    try {
      const aux = surveyByName(survey)?.collections.aux ?? "";
      const total = await store.estimatedCount(aux);
      const progress = output.progress({ unit: "objects", total });
      const result = await rematch({
        store: storeSettings(config),
        settings: crossMatchSettings(config),
        survey,
        catalogs,
        fromStart: given["from-start"],
        total,
        signal,
        progress: (count) => progress.update({ count }),
        onIndex: (catalog) => output.note(`indexing ${catalog}`),
      });
      progress.finish({ count: result.objects });
      report(survey, result, context);
      return result;
    } finally {
      await release();
    }
  } finally {
    await store.close();
  }
}

function report(survey: string, result: RematchResult, { output }: Context): void {
  const { objects, matched, resumed, stopped, outdated } = result;
  output.json({ event: "summary", survey, ...result });
  output.line(`objects    ${objects} of ${survey}${resumed ? ", after those of the interrupted run" : ""}`);
  output.line(`matched    ${matched} with a row at least`);
  if (stopped) output.line("stopped    before the end: run the same command again to go on");
  if (outdated) output.line("outdated   a catalogue was written to meanwhile: run the same command again");
}
