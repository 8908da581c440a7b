// The checks for types.ts, in its order.
import { any, flag, list, Mismatch, num, object, one_of, or_null, text, type Check } from "./check";
import type { BackupEnded, BackupKind, BackupRunning, Backups, BackupSet, CounterInfo, Disk, Finding, Gap, HealthCheck, History, Live, NodeCredentials, NodeDay, NodeDetail, Overview, Presence, Problem, Quality, SeriesInfo, Session, Start, System, Upgrade, User, WearDay } from "./types";

export const problem: Check<Required<{ [K in keyof Problem]: Problem[K] | null }>> = object({
  type: or_null(text), title: or_null(text), status: or_null(num), detail: or_null(text), next: or_null(text),
});

export const session: Check<Session> = object({ user: text, admin: flag, token: text, site: text, timezone: text, version: text });

const presence: Check<Presence> = one_of("never_seen", "online", "stale", "offline");
const quality: Check<Quality> = one_of("node", "receipt", "provisional");

const series: Check<SeriesInfo> = object({
  id: num, node: text, sensor: text, unit: text, label: text, decimals: or_null(num),
  last: or_null(object<NonNullable<SeriesInfo["last"]>>({ t: num, value: num, quality, late: flag })),
});

const gap: Check<Gap> = object({ from: num, to: num, cause: text });
const history_fields: Check<Omit<History, "end">> = object({
  series: num, from: num, to: num, bucket_ms: num, t: list(num), min: list(num), avg: list(num), max: list(num), n: list(num), gaps: list(gap), more_gaps: (value) => value === true,
});
export const history: Check<History> = (value, where) => {
  const out: History = history_fields(value, where);
  const rows = out.t.length;
  const { end } = value as { end?: unknown };
  if (end !== undefined) out.end = list(num)(end, `${where}.end`);
  if (out.end && out.end.length !== rows) throw new Mismatch(where, "columns of one length");
  if (out.min.length !== rows || out.avg.length !== rows || out.max.length !== rows || out.n.length !== rows) throw new Mismatch(where, "columns of one length");
  return out;
};

const node_fields = {
  id: text, name: text, place: text, created: num, presence, presence_since: num, last_seen: or_null(num), interval_ms: or_null(num), may_lose: flag, series: list(series),
};

const finding: Check<Finding> = object({
  id: text, level: one_of("needs_you", "being_lost"), what: text, why: text, todo: text, since: or_null(num), node: or_null(text),
});
const happened = object<Overview["recent"][number]>({ t: num, node: or_null(text), text });

export const overview: Check<Overview> = object({
  now: num, site: text, timezone: text, clock_trusted: flag, broker_connected: flag, started: num, readings_stored: num, rejected_today: num,
  findings: list(finding), nodes: list(object<Overview["nodes"][number]>({ ...node_fields, trend: list(history) })), recent: list(happened),
});

export const node_detail: Check<NodeDetail> = object({
  ...node_fields,
  heartbeat: or_null(object<NonNullable<NodeDetail["heartbeat"]>>({
    t: num, uptime_s: num, rssi_dbm: num, firmware: text, heap_bytes: or_null(num), lost: or_null(num), battery_v: or_null(num), reset: text,
  })),
  presence_changes: list(object<NodeDetail["presence_changes"][number]>({ t: num, state: presence })),
  numbered: flag,
  days: list(object<NodeDay>({ day: text, stored: num, rejected: num, repeated: num, lost: num, missing: num, gaps: list(object<NodeDay["gaps"][number]>({ cause: text, ms: num })) })),
  errors: list(object<NodeDetail["errors"][number]>({ t: num, code: text, message: text })),
  events: list(object<NodeDetail["events"][number]>({ t: num, type: text, data: any })),
});

export const counters: Check<{ counters: CounterInfo[] }> = object({
  counters: list(object<CounterInfo>({
    series: num, sensor: text, unit: text, label: text, decimals: or_null(num), kind: one_of("rises", "fell", ""),
    last: or_null(object<NonNullable<CounterInfo["last"]>>({ t: num, value: num })), base: num, changed: or_null(num), undo: flag,
  })),
});

export const credentials: Check<NodeCredentials> = object({
  id: text, user: text, password: text, unproven: or_null(object<NonNullable<NodeCredentials["unproven"]>>({ what: text, next: text })), host: text, host_name: text, port: num, snippet: text, esphome: text, nvs_csv: text, uri: text, qr: list(text),
});
export const users: Check<{ users: User[] }> = object({ users: list(object<User>({ name: text, admin: flag })) });

const disk: Check<Disk> = object({
  known: flag, total: num, free: num, step: text, since: or_null(num), device: or_null(text), written_today: or_null(num), reserve: num,
  forecast: object<Disk["forecast"]>({ days_left: or_null(num), bytes_a_day: or_null(num), why: or_null(text) }),
});
export const system: Check<System> = object({
  now: num, version: text, libraries: list(object<System["libraries"][number]>({ name: text, version: text })), started: num,
  clock: object<System["clock"]>({ trusted: flag, source: or_null(one_of("floor", "chip", "visitor", "ntp")), timezone: text, accept_browser: flag }),
  reached: object<System["reached"]>({ name: or_null(text), address: text }),
  upgrade: object<Upgrade>({
    offer: or_null(text), trouble: or_null(text), former: or_null(text),
    last: or_null(object<NonNullable<Upgrade["last"]>>({ at: num, back: flag, state: one_of("running", "done", "failed"), text })),
  }),
  can: list(one_of("restart", "power_off", "eject")),
  health: or_null(object<NonNullable<System["health"]>>({
    at: num, checks: list(object<HealthCheck>({ id: text, state: one_of("ok", "failing", "unknown"), what: text, next: text, since: num })),
  })),
  starts: or_null(list(object<Start>({ at: num, at_known: flag, before: one_of("none", "stopped", "shutdown", "crash", "power"), last: or_null(num), dark_ms: or_null(num) }))),
  disk, wear: list(object<WearDay>({ day: text, device_bytes: or_null(num), process_bytes: num, free: num })),
});

const backup_kind: Check<BackupKind> = one_of("now", "verify", "drill");
export const backups: Check<Backups> = object({
  now: num, proven: or_null(object<NonNullable<Backups["proven"]>>({ set: text, at: num })),
  running: or_null(object<BackupRunning>({ kind: backup_kind, set: or_null(text), since: num, doing: text, done: num, all: num })),
  last: or_null(object<BackupEnded>({ kind: backup_kind, set: or_null(text), at: num, failed: or_null(text), next: or_null(text) })),
  sets: list(object<BackupSet>({
    set: text, state: one_of("proven", "verified", "not verified", "failed"), bytes: num, taken: or_null(num), newest: or_null(num), readings: num, program: text,
    verified: or_null(num), proven: or_null(num), failed: or_null(text), base: or_null(text),
  })),
});

type Data<E extends Live["event"]> = Extract<Live, { event: E }>["data"];
const live_reading: Check<Data<"readings">["readings"][number]> = (value, where) => {
  const [id, t, reading, q, flags] = list(num)(value, where);
  if (id === undefined || t === undefined || reading === undefined || q === undefined || flags === undefined) throw new Mismatch(where, "five numbers");
  return [id, t, reading, q, flags];
};

export const live: { [E in Live["event"]]: Check<Data<E>> } = {
  readings: object<Data<"readings">>({ now: num, readings: list(live_reading) }),
  presence: object<Data<"presence">>({ node: text, state: presence, since: num, last_seen: or_null(num) }),
  happened,
  catalog: () => ({}),
  tick: object<Data<"tick">>({ now: num, broker_connected: flag }),
  reset: () => ({}),
};
