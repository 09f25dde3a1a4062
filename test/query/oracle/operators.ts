/** How random arguments for each operator of expressions are made. */
import {
  type Document,
  double,
  expressionOperators,
  setField,
  type Value,
} from "../../../src/query/index.ts";
import type { ExpressionMaker, Kind } from "./expressions.ts";

/** An operator: what it yields, and arguments for it whose own expressions are at most `depth` deep. */
export interface OperatorMaker {
  readonly name: string;
  readonly kind: Kind;
  readonly make: (maker: ExpressionMaker, depth: number) => Value;
}

let known: ReadonlySet<string> | undefined;

/** The operators that the engine has. */
export function knownOperators(): ReadonlySet<string> {
  known ??= new Set(expressionOperators.map((operator) => operator.name));
  return known;
}

type Make = OperatorMaker["make"];

function each(kind: Kind, names: string, make: Make): OperatorMaker[] {
  return names.split(" ").map((name) => ({ name, kind, make }));
}

/** One argument, with or without brackets. */
function one(kind: Kind): Make {
  return (maker, depth) => {
    const argument = maker.make(kind, depth);
    return maker.random.chance(0.3) || Array.isArray(argument) ? [argument] : argument;
  };
}

/** Arguments of these kinds, and perhaps some of the optional ones; now and then one too few or too many. */
function some(kinds: readonly Kind[], optional: readonly Kind[] = []): Make {
  return (maker, depth) => {
    const { random } = maker;
    const wanted = [...kinds, ...optional.slice(0, random.int(0, optional.length))];
    if (random.chance(0.01)) wanted.pop();
    if (random.chance(0.01)) wanted.push("any");
    return wanted.map((kind) => maker.make(kind, depth));
  };
}

function many(kind: Kind, most = 3): Make {
  return (maker, depth) => maker.list(maker.random.chance(0.03) ? 0 : 1, most, kind, depth);
}

/** Named arguments; those with `?` may be left out. */
function named(fields: Readonly<Record<string, Kind | Make>>): Make {
  return (maker, depth) => {
    const made: Document = {};
    for (const [name, how] of Object.entries(fields)) {
      if (maker.random.chance(name.endsWith("?") ? 0.5 : 0.005)) continue;
      made[name.replace("?", "")] = typeof how === "string" ? maker.make(how, depth) : how(maker, depth);
    }
    return made;
  };
}

function pick(...values: readonly Value[]): Make {
  return ({ random }) => random.pick(values);
}

/** An array of plain things, so that what is computed of its items is no error. */
function numbers(maker: ExpressionMaker, depth: number): Value {
  return maker.random.chance(0.6) ? maker.list(1, 4, "number", depth) : maker.make("array", depth);
}

const AS = ["this", "x", "item"];

function loop(kind: "map" | "filter"): Make {
  return (maker, depth) => {
    const { random } = maker;
    const as = random.pick(AS);
    const made: Document = { input: maker.make("array", depth) };
    if (as !== "this" || random.chance(0.3)) made["as"] = as;
    const body = () => maker.make(kind === "map" ? "any" : "boolean", depth);
    made[kind === "map" ? "in" : "cond"] = maker.within([[as, "any"]], body);
    if (kind === "filter" && random.chance(0.2)) made["limit"] = maker.make("integer", 0);
    return made;
  };
}

const reduce: Make = (maker, depth) => {
  const kind = maker.random.pick<Kind>(["number", "array", "string", "any"]);
  const variables: [string, Kind][] = [
    ["value", kind],
    ["this", kind === "array" ? "any" : kind],
  ];
  return {
    input: kind === "number" ? numbers(maker, depth) : maker.make("array", depth),
    initialValue: maker.make(kind, 0),
    in: maker.within(variables, () => maker.make(kind, depth)),
  };
};

const letIn: Make = (maker, depth) => {
  const names = maker.random.chance(0.7) ? ["x"] : ["x", "y"];
  const vars: Document = {};
  for (const name of names) vars[name] = maker.make("any", depth);
  const body = () => maker.make("any", depth);
  return {
    vars,
    in: maker.within(
      names.map((name): [string, Kind] => [name, "any"]),
      body,
    ),
  };
};

function withNames(names: readonly string[], values: readonly Value[]): Document {
  return Object.fromEntries(names.map((name, i) => [name, values[i] ?? null]));
}

const condition: Make = (maker, depth) => {
  const parts = [maker.make("boolean", depth), maker.make("any", depth), maker.make("any", depth)];
  return maker.random.chance(0.6) ? parts : withNames(["if", "then", "else"], parts);
};

const switchCase: Make = (maker, depth) => ({
  branches: maker.random.list(1, 2, () =>
    withNames(["case", "then"], [maker.make("boolean", depth), maker.make("any", depth)]),
  ),
  ...(maker.random.chance(0.8) && { default: maker.make("any", depth) }),
});

const zip: Make = (maker, depth) => {
  const count = maker.random.int(1, 3);
  const longest = maker.random.chance(0.5);
  return {
    inputs: Array.from({ length: count }, () => maker.make("array", depth)),
    ...(longest && { useLongestLength: true }),
    ...(longest &&
      maker.random.chance(0.5) && { defaults: Array.from({ length: count }, () => maker.make("any", 0)) }),
  };
};

const pairs: Make = (maker, depth) => {
  if (maker.random.chance(0.3)) return maker.make("array", depth);
  if (maker.random.chance(0.4)) return { $objectToArray: maker.make("object", depth) };
  const pair = (): Value => {
    const key = maker.random.pick(["a", "b", "__proto__", "00"]);
    const value = maker.make("any", depth);
    return maker.random.chance(0.5) ? [key, value] : { k: key, v: value };
  };
  return [maker.random.list(0, 3, pair)];
};

const sortBy: Make = ({ random }) => {
  if (random.chance(0.5)) return random.pick<Value>([1, -1, double(1)]);
  const order: Document = {};
  for (const name of random.list(1, 2, () => random.pick(["a", "b", "x", "a.b"])))
    setField(order, name, random.pick([1, -1]));
  return order;
};

const fieldArgument = pick("a", "b", "x", "__proto__", "$a", { $literal: "$a" }, "a.b");

const getField: Make = (maker, depth) =>
  maker.random.chance(0.3)
    ? fieldArgument(maker, depth)
    : named({ field: fieldArgument, "input?": "object" })(maker, depth);

const REGEXES: readonly Value[] = ["a", "^a", "(a)(b)?", "[ab]+", "b$", ".", "", "é", "a|b", "(", "\\d+"];

const regex = named({
  input: "string",
  regex: pick(...REGEXES),
  "options?": pick("", "i", "m", "x", "s", "q"),
});
const trim = named({ input: "string", "chars?": "string" });
const replace = named({ input: "string", find: "string", replacement: "string" });
const someN = named({ n: "integer", input: numbers });

const TYPES: readonly Value[] = [
  "double",
  "string",
  "objectId",
  "bool",
  "date",
  "int",
  "long",
  "decimal",
  1,
  2,
  16,
  18,
  19,
  "array",
];
const convert = named({ input: "any", to: pick(...TYPES), "onError?": "any", "onNull?": "any" });

const addition: Make = (maker, depth) =>
  maker.random.chance(0.15)
    ? [maker.make("date", depth), maker.make("number", depth)]
    : many("number")(maker, depth);
const subtraction: Make = (maker, depth) => {
  if (maker.random.chance(0.1)) return [maker.make("date", depth), maker.make("date", depth)];
  if (maker.random.chance(0.1)) return [maker.make("date", depth), maker.make("number", depth)];
  return some(["number", "number"])(maker, depth);
};
const accumulate: Make = (maker, depth) =>
  maker.random.chance(0.5) ? [numbers(maker, depth)] : maker.list(1, 3, "number", depth);

const UNITS: readonly Value[] = [
  "year",
  "quarter",
  "month",
  "week",
  "day",
  "hour",
  "minute",
  "second",
  "millisecond",
];
const ZONES: readonly Value[] = [
  "UTC",
  "Europe/Berlin",
  "America/Los_Angeles",
  "+05:30",
  "-0330",
  "GMT",
  "Mars/Base",
  "Asia/Kolkata",
];
const FORMATS: readonly Value[] = [
  "%Y-%m-%d",
  "%Y-%m-%dT%H:%M:%S.%LZ",
  "%j %U %u %w",
  "%G-W%V-%u",
  "%z %Z",
  "%% %d",
  "%q",
  "%B %b",
];
const TEXTS: readonly Value[] = [
  "2020-02-29",
  "2020-02-29T12:34:56Z",
  "2020-02-29T12:34:56.789+01:00",
  "2019-12-31 23:59:59",
  "",
  "x",
  "02/29/2020",
  "2020-W10-3",
  "2020-060",
];

function dateOperators(): OperatorMaker[] {
  const timezone = pick(...ZONES);
  const unit = pick(...UNITS, "era");
  const simple: Make = (maker, depth) =>
    maker.random.chance(0.6)
      ? one("date")(maker, depth)
      : named({ date: "date", "timezone?": timezone })(maker, depth);
  const arithmetic = named({ startDate: "date", unit, amount: "integer", "timezone?": timezone });
  const week = { "startOfWeek?": pick("mon", "Sunday", "friday", "x"), "timezone?": timezone };
  const parts = {
    "month?": "integer",
    "day?": "integer",
    "hour?": "integer",
    "minute?": "integer",
    "second?": "integer",
    "millisecond?": "integer",
  } as const;
  const isoParts = named({
    isoWeekYear: pick(2020, 1970, 2026n),
    "isoWeek?": "integer",
    "isoDayOfWeek?": "integer",
    "timezone?": timezone,
  });
  const plainParts = named({ year: pick(2020, 1970, 1, 9999, 0, 2020n), ...parts, "timezone?": timezone });
  const fromString = named({
    dateString: pick(...TEXTS),
    "format?": pick("%Y-%m-%d", "%m/%d/%Y", "%Y-%m-%dT%H:%M:%S%z", "%G-W%V-%u", "%Y-%j", "%Q"),
    "timezone?": timezone,
    "onError?": "any",
    "onNull?": "any",
  });
  return [
    ...each(
      "integer",
      "$year $month $week $dayOfMonth $dayOfWeek $dayOfYear $hour $minute $second $millisecond",
      simple,
    ),
    ...each("integer", "$isoWeek $isoWeekYear $isoDayOfWeek", simple),
    ...each("date", "$dateAdd $dateSubtract", arithmetic),
    ...each("integer", "$dateDiff", named({ startDate: "date", endDate: "date", unit, ...week })),
    ...each("date", "$dateTrunc", named({ date: "date", unit, "binSize?": "integer", ...week })),
    ...each("date", "$dateFromParts", (maker, depth) =>
      (maker.random.chance(0.7) ? plainParts : isoParts)(maker, depth),
    ),
    ...each(
      "object",
      "$dateToParts",
      named({ date: "date", "timezone?": timezone, "iso8601?": pick(true, false, 1) }),
    ),
    ...each("date", "$dateFromString", fromString),
    ...each(
      "string",
      "$dateToString",
      named({ date: "date", "format?": pick(...FORMATS), "timezone?": timezone, "onNull?": "any" }),
    ),
  ];
}

export const OPERATORS: readonly OperatorMaker[] = [
  ...each("number", "$abs $ceil $exp $floor $ln $log10 $sqrt", one("number")),
  ...each("number", "$sin $cos $tan $asin $acos $atan $sinh $cosh $tanh $asinh $acosh $atanh", one("number")),
  ...each("number", "$degreesToRadians $radiansToDegrees", one("number")),
  ...each("number", "$add", addition),
  ...each("number", "$multiply", many("number")),
  ...each("number", "$subtract", subtraction),
  ...each("number", "$divide $mod $log $pow $atan2", some(["number", "number"])),
  ...each("number", "$round $trunc", some(["number"], ["integer"])),
  ...each("number", "$sum $avg $max $min $stdDevPop $stdDevSamp", accumulate),
  ...each("array", "$maxN $minN $firstN $lastN", someN),
  ...each("boolean", "$and $or", many("boolean")),
  ...each("boolean", "$not", one("boolean")),
  ...each("boolean", "$eq $ne $gt $gte $lt $lte", (maker, depth) => {
    const kind = maker.random.pick<Kind>(["number", "number", "string", "any", "date", "array"]);
    return [maker.make(kind, depth), maker.make(kind, depth)];
  }),
  ...each("integer", "$cmp", some(["any", "any"])),
  ...each("any", "$cond", condition),
  ...each("any", "$ifNull", (maker, depth) => maker.list(2, 3, "any", depth)),
  ...each("any", "$switch", switchCase),
  ...each("any", "$let", letIn),
  ...each("any", "$literal", pick(1, "$a", null, { a: "$b" }, [1, "$$x"], { $add: [1, 2] })),
  ...each("any", "$arrayElemAt", some(["array", "integer"])),
  ...each("any", "$first $last", one("array")),
  ...each("object", "$arrayToObject", pairs),
  ...each("array", "$concatArrays $setUnion $setIntersection", many("array")),
  ...each("array", "$filter", loop("filter")),
  ...each("array", "$map", loop("map")),
  ...each("any", "$reduce", reduce),
  ...each("boolean", "$in", some(["any", "array"])),
  ...each("integer", "$indexOfArray", some(["array", "any"], ["integer", "integer"])),
  ...each("boolean", "$isArray $isNumber", one("any")),
  ...each("array", "$objectToArray", one("object")),
  ...each("array", "$range", some(["integer", "integer"], ["integer"])),
  ...each("array", "$reverseArray", one("array")),
  ...each("integer", "$size", one("array")),
  ...each("array", "$slice", some(["array", "integer"], ["integer"])),
  ...each("array", "$sortArray", named({ input: "array", sortBy })),
  ...each("array", "$zip", zip),
  ...each("boolean", "$allElementsTrue $anyElementTrue", (maker, depth) => [maker.make("array", depth)]),
  ...each("array", "$setDifference", some(["array", "array"])),
  ...each("boolean", "$setEquals $setIsSubset", some(["array", "array"])),
  ...each("object", "$mergeObjects", many("object")),
  ...each("any", "$getField", getField),
  ...each("object", "$setField", named({ field: fieldArgument, input: "object", value: "any" })),
  ...each("object", "$unsetField", named({ field: fieldArgument, input: "object" })),
  ...each("string", "$concat", many("string")),
  ...each("integer", "$indexOfBytes $indexOfCP", some(["string", "string"], ["integer", "integer"])),
  ...each("string", "$trim $ltrim $rtrim", trim),
  ...each("object", "$regexFind", regex),
  ...each("array", "$regexFindAll", regex),
  ...each("boolean", "$regexMatch", regex),
  ...each("string", "$replaceOne $replaceAll", replace),
  ...each("array", "$split", some(["string", "string"])),
  ...each("integer", "$strLenBytes $strLenCP", one("string")),
  ...each("integer", "$strcasecmp", some(["string", "string"])),
  ...each("string", "$substr $substrBytes $substrCP", some(["string", "integer", "integer"])),
  ...each("string", "$toLower $toUpper", one("string")),
  ...each("any", "$convert", convert),
  ...each("number", "$toDecimal $toDouble $toInt $toLong", one("any")),
  ...each("boolean", "$toBool", one("any")),
  ...each("string", "$toString $type", one("any")),
  ...each("any", "$toObjectId", one("string")),
  ...each("date", "$toDate", one("any")),
  ...each("integer", "$bsonSize", one("object")),
  ...each("integer", "$binarySize", one("any")),
  ...each("integer", "$tsSecond $tsIncrement", one("any")),
  ...dateOperators(),
];
