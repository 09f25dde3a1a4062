/** A problem with a filter that whoever asked can mend. */
export type FilterErrorKind = "invalid" | "missing" | "forbidden" | "conflict";

export class FilterError extends Error {
  override readonly name = "FilterError";
  constructor(
    readonly kind: FilterErrorKind,
    message: string,
  ) {
    super(message);
  }
}

export const invalid = (message: string) => new FilterError("invalid", message);
