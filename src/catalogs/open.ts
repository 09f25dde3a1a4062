/** Opens a file as the table it is, by its content. */
import { firstBytes } from "./bytes.ts";
import type { Table, TableOptions } from "./table.ts";
import { openText } from "./text/csv.ts";

/** Opens a file. Throws `TableError` when it holds no table. */
export async function openTable(path: string, options: TableOptions): Promise<Table> {
  firstBytes(path, 8);
  return openText(path, options);
}
