/**
 * How a group shares its partitions: each topic among the members that read it. The client's own way gives the
 * leader's topics to everyone, so that with two sources in one group some topics would be read by nobody. What each
 * member reads travels with its request to join, as bytes of ours in Kafka's consumer protocol:
 * https://kafka.apache.org/protocol#The_Messages_JoinGroup
 */
import type { AssignerProtocol, PartitionAssigner } from "kafkajs";

/** What a member reads, as it tells the leader of its group. */
export interface Subscription {
  /** Where to begin in topics that are unread: a time in milliseconds, or an end. */
  readonly start: "earliest" | "latest" | number;
  /** Topics by the pattern that names them. */
  readonly families: readonly (readonly string[])[];
  /** Those of the topics that appeared after the source began to look. */
  readonly fresh: readonly string[];
}

/** A member as the leader sees it: what it reads, and how many partitions it knows each topic to have. */
export interface Member extends Subscription {
  readonly id: string;
  readonly partitions: Readonly<Record<string, number>>;
}

/** Partitions by topic. */
export type Share = Readonly<Record<string, readonly number[]>>;

const NAME = "kowalski";
/** Of the bytes: later ones tell what a member owns already. */
const VERSION = 0;

/**
 * The share of each member: every partition goes to that one of the members that read its topic which has the least
 * so far. Topics that few read come first, for the others can make up for them.
 */
export function sharesOf(members: readonly Member[]): Map<string, Share> {
  const shares = new Map(members.map(({ id }) => [id, new Map<string, number[]>()]));
  const loads = new Map(members.map(({ id }) => [id, 0]));
  const readers = new Map<string, Member[]>();
  for (const member of [...members].sort(byId)) {
    for (const topic of Object.keys(member.partitions)) {
      const known = readers.get(topic) ?? [];
      known.push(member);
      readers.set(topic, known);
    }
  }
  const topics = [...readers].sort(([a, those], [b, others]) => those.length - others.length || order(a, b));
  for (const [topic, those] of topics) {
    const count = Math.max(...those.map(({ partitions }) => partitions[topic] ?? 0));
    for (let partition = 0; partition < count; partition++) {
      const { id } = those.reduce((least, one) =>
        (loads.get(one.id) ?? 0) < (loads.get(least.id) ?? 0) ? one : least,
      );
      const share = shares.get(id);
      share?.set(topic, [...(share.get(topic) ?? []), partition]);
      loads.set(id, (loads.get(id) ?? 0) + 1);
    }
  }
  return new Map([...shares].map(([id, share]) => [id, Object.fromEntries(share)]));
}

/** What a member of a group says of itself, and what it hears of the others when it leads. */
export class Group {
  /** What the members read, as far as this one has to decide for them. */
  #led: readonly Subscription[] = [];

  constructor(
    readonly protocol: typeof AssignerProtocol,
    readonly subscription: () => Subscription,
  ) {}

  get led(): readonly Subscription[] {
    return this.#led;
  }

  /** For the client's settings. */
  readonly assigner: PartitionAssigner = ({ cluster }) => ({
    name: NAME,
    version: VERSION,
    protocol: ({ topics }) => {
      const count = (topic: string) => cluster.findTopicPartitionMetadata(topic).length;
      const partitions = Object.fromEntries(topics.map((topic) => [topic, count(topic)]));
      const userData = Buffer.from(JSON.stringify({ ...this.subscription(), partitions }));
      const { MemberMetadata } = this.protocol;
      return { name: NAME, metadata: MemberMetadata.encode({ version: VERSION, topics, userData }) };
    },
    assign: async ({ members }) => {
      const known = members.map(({ memberId, memberMetadata }): Member => {
        const metadata = this.protocol.MemberMetadata.decode(memberMetadata);
        const said = JSON.parse(metadata?.userData.toString() ?? "") as Omit<Member, "id">;
        // The leader has just asked how many there are, and does not look again for those that it sees now.
        const counts = Object.entries(said.partitions).map(
          ([topic, count]) =>
            [topic, Math.max(count, cluster.findTopicPartitionMetadata(topic).length)] as const,
        );
        return { ...said, id: memberId, partitions: Object.fromEntries(counts) };
      });
      this.#led = known;
      return [...sharesOf(known)].map(([memberId, share]) => ({
        memberId,
        memberAssignment: this.protocol.MemberAssignment.encode({
          version: VERSION,
          assignment: share as Record<string, number[]>,
          userData: Buffer.alloc(0),
        }),
      }));
    },
  });
}

function byId({ id: a }: Member, { id: b }: Member): number {
  return order(a, b);
}

function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
