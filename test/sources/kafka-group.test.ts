/** Who of a group gets which partitions. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import kafkajs from "kafkajs";
import { Group, type Member, sharesOf } from "../../src/sources/kafka-group.ts";

/** What of the client's cluster an assigner asks: how many partitions a topic has. */
type Cluster = Parameters<Group["assigner"]>[0]["cluster"];

const member = (id: string, partitions: Readonly<Record<string, number>>): Member => ({
  id,
  partitions,
  start: "earliest",
  families: [],
  fresh: [],
});

describe("shares of a group", () => {
  test("a topic is shared among those that read it", () => {
    const members = [member("a", { ta: 4 }), member("b", { tb: 2 }), member("c", { tb: 2, ta: 4 })];
    expect(Object.fromEntries(sharesOf(members))).toEqual({
      a: { ta: [0, 2] },
      b: { tb: [0, 1] },
      c: { ta: [1, 3] },
    });
  });

  test("who reads what few read gets less of what all read", () => {
    const members = [member("a", { night: 4, own: 2 }), member("b", { night: 4 })];
    expect(Object.fromEntries(sharesOf(members))).toEqual({
      a: { own: [0, 1], night: [2] },
      b: { night: [0, 1, 3] },
    });
  });

  test("each partition that any reader knows goes to one of its readers", () => {
    const members = fc
      .array(
        fc.dictionary(fc.constantFrom("t1", "t2", "t3", "constructor"), fc.integer({ min: 1, max: 9 })),
        {
          maxLength: 6,
        },
      )
      .map((all) => all.map((partitions, n) => member(`member-${n}`, partitions)));
    fc.assert(
      fc.property(members, (all) => {
        const wanted = new Set<string>();
        for (const { partitions } of all) {
          for (const [topic, count] of Object.entries(partitions)) {
            for (let partition = 0; partition < count; partition++) wanted.add(`${topic}/${partition}`);
          }
        }
        const given: string[] = [];
        for (const [id, share] of sharesOf(all)) {
          const reader = all.find((one) => one.id === id);
          for (const [topic, partitions] of Object.entries(share)) {
            expect(Object.hasOwn(reader?.partitions ?? {}, topic)).toBe(true);
            given.push(...partitions.map((partition) => `${topic}/${partition}`));
          }
        }
        expect(given.sort()).toEqual([...wanted].sort());
        expect(sharesOf([...all].reverse())).toEqual(new Map([...sharesOf(all)].reverse()));
      }),
    );
  });

  test("members that read the same get as many each, give or take one", () => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 8 }), fc.array(fc.integer({ min: 1, max: 20 })));
    fc.assert(
      fc.property(sizes, ([count, topics]) => {
        const partitions = Object.fromEntries(topics.map((size, n) => [`t${n}`, size]));
        const all = Array.from({ length: count }, (_, n) => member(`member-${n}`, partitions));
        const loads = [...sharesOf(all).values()].map((share) => Object.values(share).flat().length);
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

test("the leader shares the partitions that there are, not those that the members knew when they joined", async () => {
  const { AssignerProtocol } = kafkajs;
  let partitions = 4;
  const cluster = {
    findTopicPartitionMetadata: (topic: string) =>
      topic === "night" ? Array.from({ length: partitions }, () => ({})) : [],
  } as unknown as Cluster;
  const subscription = { start: "earliest", families: [["night"]], fresh: [] } as const;
  const group = new Group(AssignerProtocol, () => subscription);
  const assigner = group.assigner({ cluster } as Parameters<Group["assigner"]>[0]);
  const { metadata } = assigner.protocol({ topics: ["night"] });
  partitions = 8;
  const [given] = await assigner.assign({
    members: [{ memberId: "a", memberMetadata: metadata }],
    topics: ["night"],
  });
  const decoded = AssignerProtocol.MemberAssignment.decode(given?.memberAssignment ?? Buffer.alloc(0));
  expect(decoded?.assignment).toEqual({ night: [0, 1, 2, 3, 4, 5, 6, 7] });
  expect(group.led).toMatchObject([subscription]);
});
