// Rows of modules as one path: each run of dark modules is a rectangle. Units are modules.
export const quiet = 4;  // light modules around: what the standard wants

export function qr_path(rows: string[]): string {
  let path = "";
  rows.forEach((row, y) => {
    for (const run of row.matchAll(/1+/g)) path += `M${(run.index ?? 0) + quiet} ${y + quiet}h${run[0].length}v1h-${run[0].length}z`;
  });
  return path;
}
