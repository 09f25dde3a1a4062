/** Reads `KOWALSKI_SERVER__PORT=…` variables into a layer of the configuration. */
import { ConfigError, type Fields, isObjectKind, type ObjectKind, type Place } from "./kinds.ts";
import { nearest } from "./nearest.ts";

const PREFIX = "KOWALSKI_";
/** Variables that name files or belong to tests, not keys of the schema. */
const OTHERS = new Set(["CONFIG", "SECRETS"]);

/** The name of the variable that sets a path: `KOWALSKI_KAFKA__BOOTSTRAP_SERVERS` for `kafka.bootstrap.servers`. */
export function variableName(path: readonly string[]): string {
  return PREFIX + path.map((key) => key.toUpperCase().replace(/[^A-Z0-9]/g, "_")).join("__");
}

/** Checks all variables with our prefix; an unknown one is an error that names the nearest. */
export function environmentLayer(
  schema: ObjectKind<Fields>,
  env: Readonly<Record<string, string | undefined>>,
  place: Place,
): Record<string, unknown> {
  const paths = new Map(leaves(schema, []).map((path) => [variableName(path), path]));
  const layer: Record<string, unknown> = {};
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith(PREFIX) || value === undefined) continue;
    const rest = variable.slice(PREFIX.length);
    if (OTHERS.has(rest) || rest.startsWith("TEST_")) continue;
    const path = paths.get(variable);
    if (path === undefined) {
      const near = nearest(variable, paths.keys());
      throw new ConfigError(
        variable,
        `there is no such setting${near === undefined ? "" : `, did you mean ${near}?`}`,
        place.origin,
      );
    }
    setAt(layer, path, readVariable(schema, path, value, { ...place, path: variable }));
  }
  return layer;
}

function leaves(kind: ObjectKind<Fields>, path: readonly string[]): string[][] {
  return Object.entries(kind.fields).flatMap(([key, field]) =>
    isObjectKind(field) ? leaves(field, [...path, key]) : [[...path, key]],
  );
}

function readVariable(
  schema: ObjectKind<Fields>,
  path: readonly string[],
  value: string,
  place: Place,
): unknown {
  let kind: ObjectKind<Fields> = schema;
  for (const key of path) {
    const field = kind.fields[key];
    if (field === undefined) break;
    if (!isObjectKind(field)) return field.read(field.fromText(value), place);
    kind = field;
  }
  throw new ConfigError(place.path, "there is no such setting", place.origin);
}

function setAt(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [key, ...rest] = path;
  if (key === undefined) return;
  if (rest.length === 0) {
    target[key] = value;
    return;
  }
  const inner = (target[key] ?? {}) as Record<string, unknown>;
  target[key] = inner;
  setAt(inner, rest, value);
}
