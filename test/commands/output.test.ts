import { describe, expect, test } from "bun:test";
import { Output } from "../../src/commands/output.ts";
import { duration, Progress } from "../../src/commands/progress.ts";

function capture(json: boolean) {
  let out = "";
  const output = new Output(json, { out: (text) => (out += text), err: () => {}, columns: undefined });
  return { output, text: () => out };
}

describe("output", () => {
  test("lines are for people, JSON for machines", () => {
    const people = capture(false);
    people.output.line("stored 3");
    people.output.json({ stored: 3 });
    expect(people.text()).toBe("stored 3\n");
    const machine = capture(true);
    machine.output.line("stored 3");
    machine.output.json({ candid: 1127561440015015001n });
    expect(machine.text()).toBe('{"candid":1127561440015015001}\n');
  });

  test("a table aligns its columns, numbers to the right", () => {
    const { output, text } = capture(false);
    output.table(
      ["name", "alerts"],
      [
        { name: "ZTF_alerts", alerts: 5 },
        { name: "x", alerts: 1234n },
      ],
    );
    expect(text()).toBe("name        alerts\nZTF_alerts       5\nx             1234\n");
  });

  test("a table for machines is a line for each row", () => {
    const { output, text } = capture(true);
    output.table(["name"], [{ name: "a" }, { name: "b" }]);
    expect(text()).toBe('{"name":"a"}\n{"name":"b"}\n');
  });
});

describe("progress", () => {
  function progress(columns: number | undefined, json = false, total?: number) {
    let text = "";
    let now = 0;
    const options = total === undefined ? { unit: "packets" } : { unit: "packets", total };
    const reporter = new Progress(options, {
      write: (part) => (text += part),
      columns,
      json,
      now: () => now,
    });
    return { reporter, text: () => text, pass: (seconds: number) => (now += seconds * 1000) };
  }

  test("a terminal gets a bar with rate and time left, no wider than itself", () => {
    const { reporter, text, pass } = progress(100);
    pass(10);
    reporter.update({ count: 2000, bytes: 50e6, bytesTotal: 100e6 });
    expect(text()).toBe(
      "\r\u001b[2K[############------------] 2000 packets, 200/s, 5.0 MB/s, 50 %, 10 s left",
    );
    const narrow = progress(30);
    narrow.pass(10);
    narrow.reporter.update({ count: 2000, bytes: 50e6, bytesTotal: 100e6 });
    expect(narrow.text().length).toBe("\r\u001b[2K".length + 29);
  });

  test("elsewhere plain lines, not more often than every few seconds", () => {
    const { reporter, text, pass } = progress(undefined, false, 100);
    for (let count = 1; count <= 60; count++) {
      pass(0.1);
      reporter.update({ count });
    }
    expect(text()).toBe("50 of 100 packets, 10/s, 50 %, 5 s left\n");
    reporter.finish();
    expect(text()).toEndWith("60 of 100 packets, 10/s, 60 %, 4 s left\n");
  });

  test("machines get JSON lines", () => {
    const { reporter, text, pass } = progress(undefined, true);
    pass(5);
    reporter.finish({ count: 10, bytes: 1e6 });
    expect(JSON.parse(text())).toEqual({
      event: "finished",
      unit: "packets",
      count: 10,
      bytes: 1e6,
      seconds: 5,
      rate: 2,
      megabytesPerSecond: 0.2,
    });
  });

  test("durations read well", () => {
    expect([9.4, 65, 3600 * 2 + 60 * 5].map(duration)).toEqual(["9 s", "1 min 05 s", "2 h 05 min"]);
  });
});
