/** Short names for equal nodes: nodes with the same key compute the same value in the same place. */
import { serialize } from "bson";
import type { ExpressionNode } from "./nodes.ts";

/** Numbers nodes by structure; a key is as short as the count of different nodes. */
export class Keys {
  readonly #numbers = new Map<string, string>();
  readonly #keys = new WeakMap<ExpressionNode, string>();
  #unique = 0;

  of(node: ExpressionNode): string {
    const known = this.#keys.get(node);
    if (known !== undefined) return known;
    const key = this.#number(this.#describe(node));
    this.#keys.set(node, key);
    return key;
  }

  #number(description: string): string {
    let number = this.#numbers.get(description);
    if (number === undefined) {
      number = `#${this.#numbers.size}`;
      this.#numbers.set(description, number);
    }
    return number;
  }

  #describe(node: ExpressionNode): string {
    switch (node.kind) {
      case "constant":
        return this.#constant(node.value);
      case "root":
        return "root";
      case "variable":
        return `variable ${node.level}`;
      case "slot":
        return `slot ${node.slot}`;
      case "external":
        return `external ${node.name}`;
      case "field":
        return `field ${this.of(node.from)} ${node.parts.join("\0")}`;
      case "object":
        return `object ${JSON.stringify(node.fields.map(([name, value]) => [name, this.of(value)]))}`;
      case "array":
        return `array ${node.items.map((item) => this.of(item)).join()}`;
      case "call":
        if (node.operator.volatile) return `volatile ${this.#unique++}`;
        return `${node.operator.name} ${node.level} ${node.args.map((arg) => (arg ? this.of(arg) : "")).join()}`;
    }
  }

  #constant(value: unknown): string {
    if (value === undefined || value === null || typeof value === "boolean") return `constant ${value}`;
    if (typeof value === "number") return `number ${value}`;
    if (typeof value === "string") return `string ${value}`;
    if (typeof value === "bigint") return `long ${value}`;
    // Other constants are the same only when they are one and the same.
    try {
      return `bson ${Buffer.from(serialize({ value })).toString("base64")}`;
    } catch {
      return `constant ${this.#unique++}`;
    }
  }
}
