// Every file below a folder, as paths inside it. (readdirSync's own "recursive" is newer than the oldest Node 18 of Debian 12.)
import { readdirSync } from "node:fs";
import { join } from "node:path";

export function files_below(folder, inside = "") {
  return readdirSync(join(folder, inside), { withFileTypes: true }).flatMap((entry) => {
    const name = inside === "" ? entry.name : `${inside}/${entry.name}`;
    return entry.isDirectory() ? files_below(folder, name) : [name];
  });
}
