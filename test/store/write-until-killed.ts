/** Writes batches of ten alerts into the data folder of its argument, a line for each, until it is killed. */
import { embeddedEncoder, openEmbeddedWriter } from "../../src/store/index.ts";
import { alert, history } from "./records.ts";

const writer = await openEmbeddedWriter({ dataDir: process.argv[2] ?? "" });
const encoder = embeddedEncoder();
for (let batch = 1; batch < 100_000; batch++) {
  const alerts = Array.from({ length: 10 }, (_, n) => {
    const candid = BigInt(batch * 10 + n);
    return encoder.encode(
      alert(candid, `object ${candid}`, { histories: [history("prv_candidates", [1.5])] }),
    );
  });
  const positions = [{ source: "test", position: String(batch), done: false }];
  await writer.write({ alerts, deadLetters: [], outbox: [], positions });
  console.log(batch);
}
