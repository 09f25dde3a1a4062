/** What `kowalski demo` shows of a running server, over HTTP as users would, and the lines with which they do. */
import { generatedSecretsFile } from "../config/index.ts";
import { CommandError } from "./errors.ts";
import type { Output } from "./output.ts";
import type { Server } from "./server.ts";

export interface Tour {
  /** Shows what became of the packets. */
  show(): Promise<void>;
}

/** What a part of the tour works with: the running server, and the administrator's token. */
interface Visit {
  readonly output: Output;
  readonly url: string;
  readonly token: string;
}

/** A part that stands ready before the packets come: shows itself after, and answers lines to try. */
type Part = (visit: Visit) => Promise<(() => Promise<readonly string[]>) | undefined>;

/** In the order they are shown. */
const PARTS: readonly Part[] = [exampleQuery, exampleFilter];

/** In a line to paste: what authorizes and what tells the type. */
const AUTHORIZED = `-H "Authorization: Bearer $TOKEN"`;
const JSON_BODY = "-H 'Content-Type: application/json'";

/** Logs in and makes everything ready; to be called before the packets are ingested. */
export async function beginTour(server: Server, output: Output): Promise<Tour> {
  const { url } = server;
  const { admin_username, admin_password } = server.config.server;
  const login = { username: admin_username, password: admin_password };
  const { token } = JSON.parse(await send(`${url}/api/auth`, { body: login })) as { token?: string };
  if (token === undefined) throw new CommandError("the login gave no token");
  const shows: (() => Promise<readonly string[]>)[] = [];
  for (const part of PARTS) {
    const show = await part({ output, url, token });
    if (show !== undefined) shows.push(show);
  }
  return {
    async show() {
      const lines = [`TOKEN=${token}`];
      for (const show of shows) lines.push(...(await show()));
      output.line(`\nTry it yourself: paste these lines into another terminal.\n\n${lines.join("\n")}`);
      output.line(
        `\nSwagger UI is at ${url}/docs: log in as ${admin_username}, with the password in ` +
          `${generatedSecretsFile(server.config.data_dir)} unless you set your own.`,
      );
      output.json({ event: "serving", url, docs: `${url}/docs`, token, curl: lines });
    },
  };
}

async function exampleQuery({ output, url, token }: Visit) {
  const query = {
    query_type: "find",
    query: {
      catalog: "ZTF_alerts",
      filter: { "candidate.drb": { $gt: 0.9 } },
      projection: { _id: 0, candid: 1, objectId: 1, "candidate.magpsf": 1, "candidate.drb": 1 },
    },
    kwargs: { limit: 3 },
  };
  return async () => {
    const answer = await send(`${url}/api/queries`, { body: query, token });
    output.line(`\nThree alerts with a deep-learning score above 0.9:\n\n${answer}`);
    // Candids are beyond what JSON.parse keeps exactly, so they are read from the text.
    const candid = /"candid":\s*(\d+)/.exec(answer)?.[1];
    const objectId = /"objectId":\s*"([^"]+)"/.exec(answer)?.[1];
    return [
      queryLine(url, query),
      ...(candid === undefined ? [] : [`curl -s ${url}/api/alerts/ztf/${candid} ${AUTHORIZED}`]),
      ...(objectId === undefined ? [] : [`curl -s ${url}/api/objects/ztf/${objectId} ${AUTHORIZED}`]),
    ];
  };
}

/** Young and real, not an asteroid, and next to a galaxy: supernova candidates. */
const EXAMPLE_FILTER = {
  group_id: 1,
  filter_id: 1,
  catalog: "ZTF_alerts",
  permissions: [1, 2, 3],
  pipeline: [
    {
      $match: {
        "candidate.drb": { $gt: 0.9 },
        "candidate.isdiffpos": "t",
        "candidate.ssdistnr": { $lt: 0 },
        "candidate.sgscore1": { $gte: 0, $lt: 0.4 },
        $expr: { $lt: [{ $subtract: ["$candidate.jd", "$candidate.jdstarthist"] }, 30] },
      },
    },
    {
      $project: {
        annotations: {
          magnitude: "$candidate.magpsf",
          age: { $subtract: ["$candidate.jd", "$candidate.jdstarthist"] },
          earlier_detections: {
            $size: { $filter: { input: "$prv_candidates", cond: { $gt: ["$$this.magpsf", 0] } } },
          },
        },
      },
    },
  ],
};

/** Left out in a folder that has filters: those are their authors' business. */
async function exampleFilter({ output, url, token }: Visit) {
  const known = JSON.parse(await send(`${url}/api/filters`, { token })) as { data: unknown[] };
  if (known.data.length > 0) return undefined;
  // Alerts that are there already shall not be a reason to refuse it.
  await send(`${url}/api/filters`, { body: { ...EXAMPLE_FILTER, override: true }, token });
  const matches = `${url}/api/filters/${EXAMPLE_FILTER.filter_id}/matches?limit=3`;
  return async () => {
    output.line(
      "\nA filter was active meanwhile (young, real, no asteroid, next to a galaxy). " +
        `Its last three matches:\n\n${await send(matches, { token })}`,
    );
    const trial = JSON.stringify({ last: 1000, limit: 3 });
    return [
      `curl -s '${matches}' ${AUTHORIZED}`,
      `curl -s ${url}/api/filters/${EXAMPLE_FILTER.filter_id}/test ${AUTHORIZED} ${JSON_BODY} -d '${trial}'`,
    ];
  };
}

function queryLine(url: string, query: object): string {
  return `curl -s ${url}/api/queries ${AUTHORIZED} ${JSON_BODY} -d '${JSON.stringify(query)}'`;
}

async function send(url: string, given: { body?: object; token?: string }): Promise<string> {
  const answer = await fetch(url, {
    method: given.body === undefined ? "GET" : "POST",
    headers: {
      "content-type": "application/json",
      ...(given.token === undefined ? {} : { authorization: `Bearer ${given.token}` }),
    },
    ...(given.body === undefined ? {} : { body: JSON.stringify(given.body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new CommandError(`${url} answered ${answer.status}: ${text}`);
  return text;
}
