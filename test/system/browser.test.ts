/** Swagger UI from inside the executable, in a real browser: log in, authorize, query, read the answer. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, Locator, Page } from "playwright-core";
import { chromiumPath, launchChromium } from "../support/chromium.ts";
import { hasRealPackets, type Served, serveRealPackets } from "../support/served.ts";
import { skipOrFail } from "../support/services.ts";

const found = await chromiumPath();
const isMissing = skipOrFail(
  "Chromium",
  typeof found === "string",
  found instanceof Error ? found.message : "",
);
const CANDID = "1127561440015015001";
/** Folder where a picture of the page is left, for people. */
const PICTURES = process.env["KOWALSKI_TEST_PICTURES"];

describe.if(!isMissing && hasRealPackets("Swagger UI with real packets"))("Swagger UI", () => {
  let served: Served;
  let browser: Browser;
  let page: Page;
  /** Addresses that the page asked for. */
  const asked: string[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    served = await serveRealPackets();
    browser = await launchChromium(String(found));
    page = await browser.newPage({ viewport: { width: 1200, height: 1000 } });
    page.on("request", (request) => asked.push(request.url()));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(`${served.url}/docs`);
  }, 120_000);
  afterAll(async () => {
    await browser.close();
    await served.close();
  });

  /** Opens an operation, fills in its body, executes it, and answers what the page shows of the response. */
  async function execute(operation: Locator, body: string): Promise<string> {
    await operation.locator(".opblock-summary").click();
    await operation.locator("textarea.body-param__text").fill(body);
    await operation.getByRole("button", { name: "Execute" }).click();
    const shown = operation
      .locator(".live-responses-table .response-col_description .highlight-code")
      .first();
    return (await shown.textContent()) ?? "";
  }

  test("logs in, authorizes and queries, and leaves the host for nothing", async () => {
    const operation = (path: string) =>
      page.locator(".opblock", { has: page.locator(`[data-path="${path}"]`) }).first();
    const login = await execute(
      operation("/api/auth"),
      JSON.stringify({ username: served.username, password: served.password }),
    );
    const token = /"token":\s*"([^"]+)"/.exec(login)?.[1];
    expect(token).toStartWith("eyJ");

    await page.getByRole("button", { name: "Authorize" }).first().click();
    await page.locator(".auth-container input").fill(token ?? "");
    await page.locator(".auth-container").getByRole("button", { name: "Apply credentials" }).click();
    await page.locator(".modal-ux").getByRole("button", { name: "Close" }).click();

    const query = `{"query_type": "find", "query": {"catalog": "ZTF_alerts", "filter": {"candid": ${CANDID}}, "projection": {"_id": 0, "candid": 1, "objectId": 1, "candidate.exptime": 1}}}`;
    const answer = await execute(operation("/api/queries"), query);
    if (PICTURES !== undefined) {
      await operation("/api/queries").locator(".live-responses-table").scrollIntoViewIfNeeded();
      await page.screenshot({ path: `${PICTURES}/swagger-ui.png` });
    }
    expect(answer).toContain('"objectId": "ZTF20aahgyet"');
    expect(answer).toContain(`"candid": ${CANDID}`);

    expect(asked.filter((url) => !url.startsWith(`${served.url}/`) && !url.startsWith("data:"))).toEqual([]);
    expect(complaints).toEqual([]);
  }, 60_000);
});
