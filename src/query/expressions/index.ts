/**
 * Expressions of the aggregation language: read into nodes, compiled to code.
 *
 * For one expression: `compileExpression`. For several over the same document, whose common parts are then
 * computed once: `parseExpression` each and `compileExpressions`. For code of one's own around expressions
 * (a stage that tests, groups or projects in one function): `compileFunction`, which hands out an `Emitter`.
 */
import { type Code, code, join, type Name, Scope } from "../code.ts";
import type { Document, Value } from "../values.ts";
import { Emitter } from "./emitter.ts";
import { resetGrowth } from "./growth.ts";
import type { ExpressionNode, Operator } from "./nodes.ts";
import { OPERATORS } from "./operators/index.ts";
import { Reader } from "./parse.ts";

export type { Emitter } from "./emitter.ts";
export { checkSize } from "./growth.ts";
export type {
  ArgumentSpec,
  ExpressionNode,
  FieldNode,
  Operator,
  OperatorCategory,
  OperatorExample,
  SlotNode,
} from "./nodes.ts";
export { checkVariableName } from "./parse.ts";

/** Values of the variables given at run time, by name without `$$`; undefined is a missing value. */
export type Variables = ReadonlyMap<string, Value | undefined>;

/**
 * A compiled expression: its value for a document, `undefined` where it yields none. Never changes its input,
 * and its result may share parts with it. Throws QueryErrors (`runtime`, `limit`, `deadline`).
 *
 * Give `NOW` in `variables` so that one query sees one time; without `variables` it is the present time.
 */
export type Evaluate = (root: Document, variables?: Variables) => Value | undefined;

export interface ExpressionOptions {
  /**
   * Names, without `$$`, of variables that will be given at run time, beside the built-in `ROOT`, `CURRENT`,
   * `REMOVE` and `NOW`: those of a `$lookup`'s `let`; `KEEP`, `PRUNE`, `DESCEND` for `$redact`.
   */
  readonly variables?: Iterable<string>;
  /** Leaves constants to run time, with their errors. */
  readonly lenient?: boolean;
}

/** Every operator, for reading, running and documentation; the order is that of the reference. */
export const expressionOperators: readonly Operator[] = [...OPERATORS.values()];

/**
 * Reads an expression and checks all that can be known beforehand; constants are folded.
 *
 * `path` is where the expression stands in the query, e.g. `pipeline[2].$project.x`; errors begin with it.
 * Nodes are frozen plain data: they may be walked, kept and compiled several times.
 */
export function parseExpression(value: Value, path: string, options: ExpressionOptions = {}): ExpressionNode {
  resetGrowth();
  return new Reader(OPERATORS, new Set(options.variables ?? [])).read(value, path, options.lenient);
}

/** Reads and compiles one expression. */
export function compileExpression(value: Value, path: string, options: ExpressionOptions = {}): Evaluate {
  return compileExpressionNode(parseExpression(value, path, options));
}

/** Compiles a node. */
export function compileExpressionNode(node: ExpressionNode): Evaluate {
  if (node.kind === "constant") return () => node.value;
  return compileFunction((emitter) => emitter.value(node).code);
}

/** Compiles a node into a test of documents: whether its value counts as true. */
export function compileCondition(node: ExpressionNode): (root: Document, variables?: Variables) => boolean {
  return compileFunction((emitter) => emitter.condition(node));
}

/** Compiles several nodes into one function that yields all their values; common parts are computed once. */
export function compileExpressions(
  nodes: readonly ExpressionNode[],
): (root: Document, variables?: Variables) => (Value | undefined)[] {
  return compileFunction((emitter) => {
    const values = nodes.map((node) => emitter.bound(node).code);
    return code`[${join(values, code`, `)}]`;
  });
}

/**
 * Compiles a function of `(root, variables?, ...parameters)` whose body `emit` writes: statements by
 * `emitter.line`, values of nodes by `emitter.value`, conditions by `emitter.condition`; what it returns is
 * the code of the function's result. `makeParameters` names further parameters. The type `F` is the
 * caller's promise.
 *
 * Within one function equal parts of expressions are computed once. Code that may not run (a branch, a
 * loop's body) goes through `emitter.block`, so that nothing relies on what it computed.
 */
export function compileFunction<F extends object>(
  emit: (emitter: Emitter, parameters: readonly Name[]) => Code,
  makeParameters: (scope: Scope) => readonly Name[] = () => [],
): F {
  const scope = new Scope();
  const root = scope.name("root");
  const externals = scope.name("variables");
  const parameters = makeParameters(scope);
  const emitter = new Emitter(scope, { root, externals });
  const result = emit(emitter, parameters);
  const body: Code[] = [];
  if (emitter.temporaries.length > 0) body.push(code`let ${join(emitter.temporaries, code`, `)};`);
  if (emitter.usesExternals) {
    body.push(code`if (${externals} === undefined) ${externals} = ${scope.constant(present, "present")}();`);
  }
  if (emitter.grows) body.push(code`${scope.constant(resetGrowth, "resetGrowth")}();`);
  body.push(emitter.statements(), code`return ${result};`);
  return scope.compile<F>([root, externals, ...parameters], join(body));
}

/** The variables where none are given. */
function present(): Variables {
  return new Map([["NOW", new Date()]]);
}
