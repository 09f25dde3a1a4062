/**
 * Looks at the headers of a column's pages before they are read: what they claim decides how much memory
 * their reading takes.
 */
import type { ColumnMetaData, DataReader } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";

/** Writers make pages of about 1 MB. */
const LARGEST_PAGE = 256 * 1024 * 1024;
/** A page of one value that repeats is small however many there are. */
const MOST_VALUES = 20_000_000;

/** Pages that cannot be true: says why. */
export class PageError extends Error {
  override readonly name = "PageError";
}

const isSize = (value: number) => Number.isInteger(value) && value >= 0;

/** Checks the pages of a column chunk. Throws `PageError`. */
export function checkPages(chunk: ArrayBuffer, column: ColumnMetaData): void {
  const reader: DataReader = { view: new DataView(chunk), offset: 0 };
  const name = column.path_in_schema.join(".");
  let values = 0;
  // Behind the last page there may be a byte or two of filling.
  while (reader.offset < chunk.byteLength - 1 && values < Number(column.num_values)) {
    const at = reader.offset;
    const refuse = (reason: string) =>
      new PageError(`column ${name}: the page at byte ${at} of its chunk ${reason}`);
    const header = parquetHeader(reader);
    const { compressed_page_size: packed, uncompressed_page_size: unpacked } = header;
    const count = header.data_page_header?.num_values ?? header.data_page_header_v2?.num_values;
    if (!(packed >= 0 && reader.offset + packed <= chunk.byteLength)) throw refuse(`claims ${packed} bytes`);
    if (!(unpacked >= 0 && unpacked <= LARGEST_PAGE)) throw refuse(`claims ${unpacked} bytes of contents`);
    const { data_page_header_v2: second } = header;
    if (second !== undefined) {
      const { num_nulls: nulls, num_rows: rows } = second;
      const { definition_levels_byte_length: defined, repetition_levels_byte_length: repeated } = second;
      const isTrue = [nulls, rows, defined, repeated].every(isSize) && nulls <= second.num_values;
      if (!(isTrue && defined + repeated <= packed && rows <= MOST_VALUES))
        throw refuse("has sizes that cannot be");
    }
    const entries = count ?? header.dictionary_page_header?.num_values ?? 0;
    if (!(entries >= 0 && entries <= MOST_VALUES)) throw refuse(`claims ${entries} values`);
    if (header.dictionary_page_header !== undefined && entries > unpacked * 8) {
      throw refuse(`claims a dictionary of ${entries} values in ${unpacked} bytes`);
    }
    values += count ?? 0;
    reader.offset += packed;
  }
  if (values !== Number(column.num_values)) {
    throw new PageError(
      `column ${name}: its pages have ${values} values, its description says ${column.num_values}`,
    );
  }
}
