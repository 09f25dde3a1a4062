/** Opens a file as the table it is, by its content. */
import { ByteStream, firstBytes, isGzip } from "./bytes.ts";
import { openFits } from "./fits/fits.ts";
import { openParquet } from "./parquet/parquet.ts";
import { type Table, TableError, type TableOptions } from "./table.ts";
import { openText } from "./text/csv.ts";

const PARQUET = "PAR1";

/** Opens a file. Throws `TableError` when it holds no table. */
export async function openTable(path: string, options: TableOptions): Promise<Table> {
  const begins = await beginning(path);
  if (begins.startsWith("SIMPLE  =")) return openFits(path, options);
  if (begins.startsWith(PARQUET)) {
    if (isGzip(firstBytes(path, 2)))
      throw new TableError(path, "it is a gzipped Parquet file: unpack it first");
    return openParquet(path);
  }
  return openText(path, options);
}

/** Whether a file begins as Parquet does. */
export function isParquet(path: string): boolean {
  return Buffer.from(firstBytes(path, PARQUET.length)).toString("latin1") === PARQUET;
}

/** The first bytes of the contents, as characters. */
async function beginning(path: string): Promise<string> {
  const bytes = firstBytes(path, 16);
  if (!isGzip(bytes)) return Buffer.from(bytes).toString("latin1");
  const stream = new ByteStream(path);
  try {
    return Buffer.from((await stream.next())?.subarray(0, 16) ?? []).toString("latin1");
  } finally {
    stream.close();
  }
}
