// The backups as last told. While one is under way the box is asked each second, else now and then.
import { signal } from "@preact/signals";
import { get_backups, start_backup, type Failure } from "../api/client";
import type { BackupKind, BackupRunning } from "../api/types";
import { on_refresh } from "./link";
import { resource } from "./loaded";

const busy_ms = 1000, idle_ms = 20_000;

export const backups = resource(get_backups);
export const refused = signal<Failure | null>(null);  // why the last start was
export const cut_short = signal(false);               // what was under way is gone without an end: the box restarted

let seen: BackupRunning | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
let watchers = 0;

async function ask(): Promise<void> {
  clearTimeout(timer);
  await backups.load();
  const view = backups.view.value;
  if (view.state === "ready") {
    const { running, last } = view.data;
    if (running) cut_short.value = false;
    else if (seen) cut_short.value = last === null || last.at < seen.since;
    seen = running;
  }
  clearTimeout(timer);
  if (watchers > 0) timer = setTimeout(() => void ask(), seen ? busy_ms : idle_ms);
}

// While a view shows them. Returns the way to stop.
export function watch_backups(): () => void {
  watchers += 1;
  void ask();
  const stop = on_refresh(() => void ask());
  return () => { watchers -= 1; stop(); clearTimeout(timer); };
}

export async function begin(kind: BackupKind, set: string): Promise<void> {
  cut_short.value = false;
  const answer = await start_backup(kind, set);
  refused.value = answer.ok ? null : answer.failure;
  await ask();
}
