/** The nearest known name to a mistyped one, for error messages. */

/** The known name with the fewest edits from `wrong`, if they are at most a third of its length (and one). */
export function nearest(wrong: string, known: Iterable<string>): string | undefined {
  const plain = normalised(wrong);
  let best: string | undefined;
  let least = Math.floor(plain.length / 3) + 1;
  for (const name of known) {
    const distance = edits(plain, normalised(name), least);
    if (distance <= least && (best === undefined || distance < least)) {
      best = name;
      least = distance;
    }
  }
  return best;
}

function normalised(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "");
}

/** Insertions, deletions and replacements between two short names; `limit + 1` when their lengths already differ more. */
function edits(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
