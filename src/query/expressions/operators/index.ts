/** Every operator of expressions; a new one is one entry in its family's file. */
import type { Operator } from "../nodes.ts";
import { accumulatorOperators } from "./accumulators.ts";
import { arithmeticOperators } from "./arithmetic.ts";
import { arrayBuildOperators } from "./array-build.ts";
import { arrayItemOperators } from "./array-items.ts";
import { booleanOperators } from "./boolean.ts";
import { comparisonOperators } from "./comparison.ts";
import { conditionalOperators } from "./conditional.ts";
import { dateStepOperators } from "./date-steps.ts";
import { dateOperators } from "./dates.ts";
import { functionOperators } from "./functions.ts";
import { loopOperators } from "./loops.ts";
import { objectOperators } from "./objects.ts";
import { regexOperators } from "./regexes.ts";
import { roundingOperators } from "./rounding.ts";
import { setOperators } from "./sets.ts";
import { stringOperators } from "./strings.ts";
import { typeOperators } from "./types.ts";
import { variableOperators } from "./variables.ts";

const FAMILIES: readonly (readonly Operator[])[] = [
  accumulatorOperators,
  arithmeticOperators,
  arrayBuildOperators,
  arrayItemOperators,
  booleanOperators,
  comparisonOperators,
  conditionalOperators,
  dateOperators,
  dateStepOperators,
  functionOperators,
  loopOperators,
  objectOperators,
  regexOperators,
  roundingOperators,
  setOperators,
  stringOperators,
  typeOperators,
  variableOperators,
];

/** Operators by name, in the order of names. */
export const OPERATORS: ReadonlyMap<string, Operator> = new Map(
  FAMILIES.flat()
    .map((operator): [string, Operator] => [operator.name, operator])
    .sort(([a], [b]) => (a < b ? -1 : 1)),
);
