/** Prints rows under heads, numbers to the right. */
export function printTable(heads, rows) {
  const cells = [heads, ...rows].map((row) => row.map(String))
  const widths = heads.map((_, column) => Math.max(...cells.map((row) => row[column].length)))
  const right = heads.map((_, column) => rows.every((row) => /^[\d.]/.test(String(row[column]))))
  for (const row of cells) {
    console.log(
      row
        .map((cell, i) => (right[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
        .join('  ')
        .trimEnd(),
    )
  }
}
