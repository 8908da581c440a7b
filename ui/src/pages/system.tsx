// The box itself. So far its backups.
import { Backups } from "../parts/backups";
import { words } from "../words";

export function SystemPage() {
  return (
    <>
      <div class="al-sentence"><h1>{words.system.title}</h1></div>
      <Backups />
    </>
  );
}
