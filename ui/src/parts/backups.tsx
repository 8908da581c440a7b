// Backups: can it be restored, what is under way, what there is.
import { useEffect, useState } from "preact/hooks";
import { backup_address } from "../api/client";
import type { BackupEnded, BackupKind, BackupRunning, Backups as Picture, BackupSet } from "../api/types";
import { bytes_text } from "../lib/format";
import { stamp } from "../lib/time";
import { backups, begin, cut_short, refused, watch_backups } from "../state/backups";
import { box_now, session, zone } from "../state/link";
import { words } from "../words";
import { Empty, FailureBox, Loading } from "./states";

const text = words.backups;
const when = (t: number): string => stamp(t, zone.value, box_now.value);
const together = (date: string): string => date.replace(/ /g, "\u00a0");  // a date isn't broken over two lines
// The box's own words for what went wrong, as a sentence; a file's name that begins it stays as it is.
const sentence = (said: string): string => (/^[a-z]+ /.test(said) ? said.charAt(0).toUpperCase() + said.slice(1) : said) + (/[.!?]$/.test(said) ? "" : ".");
const called = (set: BackupSet): string => (set.taken === null ? set.set : when(set.taken));
const tone: Record<BackupSet["state"], string | undefined> = { proven: "well", verified: undefined, "not verified": "needs_you", failed: "being_lost" };

function Head({ data, admin }: { data: Picture; admin: boolean }) {
  const proven = data.proven;
  const set = data.sets.find((one) => one.set === proven?.set);
  if (proven) return (
    <div class="al-proof">
      <h3>{text.proven(together(set ? called(set) : when(proven.at)))}</h3>
      <p class="al-soft">{text.proven_by(when(proven.at))}</p>
    </div>
  );
  return (
    <div class="al-proof">
      <h3 data-tone="needs_you">{text.unproven}</h3>
      <p class="al-soft">{!admin ? text.unproven_ask : data.sets.length === 0 ? text.unproven_first : text.unproven_next}</p>
    </div>
  );
}

function Running({ running }: { running: BackupRunning }) {
  const share = running.all > 0 ? Math.min(1, running.done / running.all) : null;
  const label = `${text.running[running.kind]}: ${text.doing[running.doing] ?? running.doing}`;
  return (
    <div class="al-card al-running">
      <p><strong>{label}</strong>{share !== null && <span class="al-share">{Math.floor(100 * share)} %</span>}</p>
      <progress aria-label={label} max={1} {...(share === null ? {} : { value: share })} />
      <p class="al-soft">{text.since(when(running.since))} · {text.keeps_on}</p>
    </div>
  );
}

function Ended({ ended, sets }: { ended: BackupEnded; sets: BackupSet[] }) {
  const set = sets.find((one) => one.set === ended.set);
  if (ended.failed === null) return <p class="al-ended" role="status">{text.ended[ended.kind](set ? called(set) : ended.set ?? "")} <span class="al-soft">{when(ended.at)}</span></p>;
  return (
    <section class="al-note" data-tone="needs_you" role="alert">
      <div><h3>{text.went_wrong[ended.kind]}</h3><p>{sentence(ended.failed)} {ended.next} <span class="al-soft">{when(ended.at)}</span></p></div>
    </section>
  );
}

function Row({ set, base, admin, busy, start }: { set: BackupSet; base: BackupSet | undefined; admin: boolean; busy: boolean; start: (kind: BackupKind) => void }) {
  const checked = set.proven ?? set.verified;
  const hidden = <span class="al-hidden">{text.of(called(set))}</span>;
  return (
    <li data-set={set.set} data-state={set.state}>
      <div class="al-set">
        <h3>{called(set)} <span class="al-tag" data-tone={tone[set.state]}>{text.state[set.state]}</span></h3>
        {set.failed !== null && <p class="al-why" data-tone="being_lost">{sentence(set.failed)}</p>}
        <dl>
          <div><dt>{text.size}</dt><dd>{bytes_text(set.bytes)}</dd></div>
          {set.taken !== null && <div><dt>{text.newest}</dt><dd>{set.newest === null ? text.no_readings : when(set.newest)}</dd></div>}
          {set.taken !== null && <div><dt>{text.holds}</dt><dd>{text.count(set.readings)}</dd></div>}
          {set.base !== null && <div><dt>{text.builds_on}</dt><dd>{text.both(base ? called(base) : set.base)}</dd></div>}
          {checked !== null && <div><dt>{text.checked}</dt><dd>{when(checked)}</dd></div>}
        </dl>
      </div>
      {admin && (
        <div class="al-set-actions">
          <a class="al-button" href={backup_address(set.set)} download={set.set}>{text.download}{hidden}</a>
          <button type="button" class="al-button" disabled={busy} onClick={() => start("verify")}>{text.verify}{hidden}</button>
          <button type="button" class="al-button" disabled={busy} onClick={() => start("drill")}>{text.drill}{hidden}</button>
        </div>
      )}
    </li>
  );
}

function Shown({ data }: { data: Picture }) {
  const [starting, set_starting] = useState(false);
  const admin = session.value.state === "in" && session.value.session.admin;
  const busy = starting || data.running !== null;
  const start = (kind: BackupKind, set = ""): void => {
    set_starting(true);
    void begin(kind, set).finally(() => set_starting(false));
  };
  return (
    <>
      <div class="al-card al-backup-head">
        <Head data={data} admin={admin} />
        {admin && <button type="button" class="al-button" data-main="" disabled={busy} onClick={() => start("now")}>{text.now}</button>}
      </div>
      {refused.value && <FailureBox failure={refused.value} />}
      {cut_short.value && <p class="al-ended" role="status">{text.cut_short}</p>}
      {data.running ? <Running running={data.running} /> : data.last && <Ended ended={data.last} sets={data.sets} />}
      {data.sets.length === 0
        ? <Empty what={text.none} next={admin ? text.none_next : text.none_ask} />
        : <ul class="al-card al-sets" aria-label={text.list}>{data.sets.map((set) => <Row key={set.set} set={set} base={data.sets.find((one) => one.set === set.base)} admin={admin} busy={busy} start={(kind) => start(kind, set.set)} />)}</ul>}
    </>
  );
}

export function Backups() {
  useEffect(watch_backups, []);
  const view = backups.view.value;
  return (
    <section class="al-section al-backups">
      <h2>{text.title}</h2>
      {view.state === "loading" && <Loading />}
      {view.state === "failed" && <FailureBox failure={view.failure} retry={() => void backups.load()} />}
      {view.state === "ready" && <Shown data={view.data} />}
    </section>
  );
}
