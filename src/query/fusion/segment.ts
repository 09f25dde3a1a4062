/** Emits stages behind each other into one function, which makes a document only of what passes them all. */
import { type Code, code, join, Name } from "../code.ts";
import { resetGrowth } from "../expressions/growth.ts";
import type { Emitter, ExpressionNode, SlotNode } from "../expressions/index.ts";
import { T } from "../expressions/types.ts";
import { conditionEmitter, isEmittable, type MatchHost, matchConjuncts } from "../match/index.ts";
import { emitField } from "../paths.ts";
import { compileInclusion, type ProjectionNode } from "../projection/index.ts";
import { type FieldsStage, readFields } from "./fields.ts";
import { type Fusible, needDocument } from "./fusible.ts";
import { emitDocument } from "./materialise.ts";
import { Rebase } from "./rebase.ts";
import { type Setting, Shape } from "./shape.ts";

/** Longer functions are not optimised well; stages behind go into another one. */
const MOST_TEXT = 40_000;

export class Segment {
  #shape = Shape.whole;
  /** What the function returns, where no stage can follow. */
  #result: Code | undefined;
  /** Slots of parts of fields, for the present shape. */
  #parts = new Map<ProjectionNode, SlotNode>();

  constructor(readonly emitter: Emitter) {}

  /** Emits a stage behind those before; false, with nothing done, when it cannot be one function with them. */
  add(stage: Fusible): boolean {
    if (this.#result !== undefined || this.emitter.statements().text.length > MOST_TEXT) return false;
    switch (stage.kind) {
      case "match":
        return this.#match(stage);
      case "fields":
        return this.#fields(stage);
      case "replace":
        return this.#replace(stage);
    }
  }

  /** The document at the end of all stages. */
  finish(): Code {
    return this.#result ?? emitDocument(this.emitter, this.#shape);
  }

  #rebase(node: ExpressionNode | undefined): ExpressionNode | undefined {
    const partSlot = (name: string, of: ProjectionNode) => this.#partSlot(name, of);
    return node && new Rebase(this.#shape, partSlot).node(node);
  }

  #partSlot(name: string, of: ProjectionNode): SlotNode {
    let slot = this.#parts.get(of);
    if (slot === undefined) {
      const { emitter } = this;
      const original = emitField(emitter.scope, emitter.environment.root, name, true);
      const value = code`${emitter.ref(compileInclusion(of), "include")}(${original})`;
      const types = T.MISSING | T.OBJECT | T.ARRAY;
      slot = this.#slot(emitter.bind({ code: value, types }));
      this.#parts.set(of, slot);
    }
    return slot;
  }

  #slot(value: Emitter["slots"][number]): SlotNode {
    return { kind: "slot", slot: this.emitter.slots.push(value) - 1 };
  }

  #match({ node, expressions }: Fusible & { kind: "match" }): boolean {
    const conditions = matchConjuncts(node).map((conjunct) => {
      if (conjunct.kind !== "expr") return isEmittable(conjunct) ? { conjunct } : undefined;
      const expression = this.#rebase(expressions.get(conjunct.at)?.node);
      return expression && { expression };
    });
    if (conditions.includes(undefined)) return false;
    this.#beginStage();
    const { emitter } = this;
    const emit = conditionEmitter(this.#host());
    for (const condition of conditions) {
      if (condition === undefined) continue;
      const { expression, conjunct } = condition;
      const test = expression === undefined ? emit(conjunct) : emitter.condition(expression);
      emitter.line(code`if (!(${test})) return undefined;`);
    }
    return true;
  }

  #host(): MatchHost {
    const { emitter } = this;
    const shape = this.#shape;
    const named = new Map<string, Name | undefined>();
    const nameOf = (name: string): Name | undefined => {
      const place = shape.place(name);
      if (place.kind === "original") return undefined;
      // What is never assigned is undefined.
      if (place.kind === "nowhere") return emitter.temporary();
      const node = place.kind === "part" ? this.#partSlot(name, place.of) : place.node;
      const { code: value } = emitter.named(node);
      return value instanceof Name ? value : undefined;
    };
    return {
      scope: emitter.scope,
      document: emitter.environment.root,
      temporary: (prefix) => emitter.temporary(prefix),
      field(name) {
        if (!named.has(name)) named.set(name, nameOf(name));
        return named.get(name);
      },
    };
  }

  #fields(stage: Fusible & { kind: "fields" }): boolean {
    const fields = readFields(stage, this.#shape, (node) => this.#rebase(node));
    if (fields === undefined) return false;
    this.#beginStage();
    const special = fields.objects.length > 0 && this.#emitSpecialCase(stage, fields);
    const settings = fields.computed.map(([name, node]) => this.#setting(name, node));
    const { tree } = stage;
    if (tree.mode === "include") {
      const { leaves, parts } = fields;
      this.#shape = this.#shape.including({ leaves, parts, settings });
    } else this.#shape = this.#shape.without(fields.leaves).setting(settings);
    this.#parts = new Map();
    if (special) this.#result = emitDocument(this.emitter, this.#shape);
    return true;
  }

  /**
   * Objects are computed as if the document had no such fields; where it has, the whole stage runs on the document
   * itself. Answers whether that can be.
   */
  #emitSpecialCase(stage: Fusible & { kind: "fields" }, { objects }: FieldsStage): boolean {
    const { emitter } = this;
    const present = objects.flatMap((name) => {
      const place = this.#shape.place(name);
      if (place.kind === "nowhere") return [];
      const node: ExpressionNode =
        place.kind === "set"
          ? place.node
          : place.kind === "part"
            ? this.#partSlot(name, place.of)
            : { kind: "field", from: { kind: "root" }, parts: [name] };
      return [code`${emitter.bound(node).code} !== undefined`];
    });
    if (present.length === 0) return false;
    const whole = emitter.block(() => {
      const document = emitDocument(emitter, this.#shape);
      emitter.line(
        code`return ${emitter.ref(compiledLate(stage.compile), "stage")}(${document}, ${emitter.environment.externals});`,
      );
    });
    emitter.line(code`if (${join(present, code` || `)}) { ${whole} }`);
    return true;
  }

  /** Computes a field, unless it is a field of the first document or constant. */
  #setting(name: string, node: ExpressionNode): Setting {
    if (node.kind === "constant") return { name, node, mayBeMissing: node.value === undefined };
    if (node.kind === "field" && node.from.kind === "root" && node.parts.length === 1) {
      return { name, node, mayBeMissing: true };
    }
    const value = this.emitter.bound(node);
    const slot = node.kind === "slot" ? node : this.#slot(value);
    return { name, node: slot, mayBeMissing: (value.types & T.MISSING) !== 0 };
  }

  #replace({ expression, at }: Fusible & { kind: "replace" }): boolean {
    const node = this.#rebase(expression.node);
    if (node === undefined) return false;
    this.#beginStage();
    const { emitter } = this;
    const { code: value, types } = emitter.bound(node);
    this.#result =
      types === T.OBJECT ? value : code`${emitter.ref(needDocument, "needDocument")}(${value}, ${at})`;
    return true;
  }

  /** Each stage has an account of growth of its own. */
  #beginStage(): void {
    if (this.emitter.grows) this.emitter.line(code`${this.emitter.ref(resetGrowth, "resetGrowth")}();`);
  }
}

type FieldsFunction = ReturnType<(Fusible & { kind: "fields" })["compile"]>;

/** A stage as a function of its own that is compiled when first called: most are never. */
function compiledLate(compile: () => FieldsFunction): FieldsFunction {
  let compiled: FieldsFunction | undefined;
  return (document, variables) => {
    compiled ??= compile();
    return compiled(document, variables);
  };
}
