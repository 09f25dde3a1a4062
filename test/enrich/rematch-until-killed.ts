/** Matches the objects of a store once more, a line for each piece, until it is killed: settings in its argument. */
import { rematch } from "../../src/enrich/crossmatch/index.ts";

await rematch({
  ...(JSON.parse(process.argv[2] ?? "{}") as Parameters<typeof rematch>[0]),
  signal: new AbortController().signal,
  progress: (objects) => console.log(objects),
  onIndex: () => {},
});
