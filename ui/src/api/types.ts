// Every message between the page and the box, on one page. Times are milliseconds UTC; durations say their unit.
// Paths are below /api/v1. Errors are RFC 9457 problem details (Problem).

export interface Problem { type: string; title: string; status: number; detail?: string; next?: string }

// GET /health (at the root, open to all)
export interface Health { status: "ok" | "degraded" | "failing" }

// POST /session {name, password} -> Session (and the cookie); GET /session -> Session or 401; DELETE /session -> 204
// `token` goes into the header X-Alona-Token of every POST, PATCH and DELETE.
export interface Session { user: string; admin: boolean; token: string; site: string; timezone: string; version: string }

export type Presence = "never_seen" | "online" | "stale" | "offline";
export type Quality = "node" | "receipt" | "provisional";

export interface SeriesInfo {
  id: number; node: string; sensor: string; unit: string; label: string; decimals: number | null;
  last: { t: number; value: number; quality: Quality; late: boolean } | null;
}

// One point per bucket that holds readings; columns, so that they go straight into a chart.
// bucket_ms 0: every point is one reading at its own time. With by=day they are days of the site's zone, each up to
// its `end`, and from and to are whole days too.
export interface History {
  series: number; from: number; to: number; bucket_ms: number;
  t: number[]; min: number[]; avg: number[]; max: number[]; n: number[];
  gaps: Gap[];           // ascending, each with a cause of docs/gaps.md; shorter than a bucket: none
  more_gaps?: boolean;   // only the 100 longest are here
  end?: number[];
}
export interface Gap { from: number; to: number; cause: string }

export interface NodeInfo {
  id: string; name: string; place: string; created: number; presence: Presence; presence_since: number;
  last_seen: number | null; interval_ms: number | null; may_lose: boolean;
  series: SeriesInfo[];
}

// What needs a person: what, since when, why, what to do.
export interface Finding { id: string; level: "needs_you" | "being_lost"; what: string; why: string; todo: string; since: number | null; node: string | null }

// GET /overview
export interface Overview {
  now: number; site: string; timezone: string;
  clock_trusted: boolean; broker_connected: boolean; started: number;
  readings_stored: number; rejected_today: number;
  findings: Finding[];
  nodes: (NodeInfo & { trend: History[] })[];          // trend: the last 24 h in about 60 buckets, one per series
  recent: { t: number; node: string | null; text: string }[];  // what happened, newest first, at most 20
}

// GET /nodes -> { nodes: NodeInfo[] };  GET /nodes/{id} -> NodeDetail;  PATCH /nodes/{id} {name?, place?} -> NodeInfo
// POST /nodes {id, name?, place?} -> NodeCredentials;  POST /nodes/{id}/rotate -> NodeCredentials;  DELETE /nodes/{id} -> 204
export interface NodeDetail extends NodeInfo {
  heartbeat: { t: number; uptime_s: number; rssi_dbm: number; firmware: string; heap_bytes: number | null; lost: number | null; battery_v: number | null; reset: string } | null;
  presence_changes: { t: number; state: Presence }[];   // the last 7 days, oldest first
  numbered: boolean;  // it numbers its messages, so that what was lost is counted
  days: NodeDay[];    // the last 7 days (UTC), oldest first
  errors: { t: number; code: string; message: string }[];
  events: { t: number; type: string; data: unknown }[];
}
// missing: readings that its series would have had in their gaps, by their rhythm. gaps: of the series that missed most.
export interface NodeDay { day: string; stored: number; rejected: number; repeated: number; lost: number; missing: number; gaps: { cause: string; ms: number }[] }
// Shown once. host: the broker's address as the node reaches it; host_name: the box's name, for software that knows mDNS.
// qr: the uri as rows of modules, "1" is dark; empty: it would be too large. unproven: why no login was seen to work.
export interface NodeCredentials {
  id: string; user: string; password: string; unproven: { what: string; next: string } | null; host: string; host_name: string; port: number;
  snippet: string; esphome: string; nvs_csv: string; uri: string; qr: string[];
}

// GET /nodes/{id}/counters -> { counters: CounterInfo[] }, every series of the node; POST /nodes/{id}/counters and
// /nodes/{id}/replace take { counters: CounterChange[] }, the numbers as text; replace -> NodeCredentials.
// kind: rises: it has never fallen lately; fell: a meter's unit, but it fell; "": nothing says that it counts.
// base: what the box adds to each reading; changed: since when; undo: there is a change to take back.
export type CounterKind = "rises" | "fell" | "";
export interface CounterInfo {
  series: number; sensor: string; unit: string; label: string; decimals: number | null; kind: CounterKind;
  last: { t: number; value: number } | null; base: number; changed: number | null; undo: boolean;
}
export interface CounterChange { sensor: string; unit: string; begins_at?: string; goes_on_from?: string; undo?: boolean }

// GET /users -> { users: User[] }, for admins; POST /users {name, password} -> 204; DELETE /users/{name} -> 204
export interface User { name: string; admin: boolean }

// GET /system -> System. A check's id up to a colon names its paragraph of the runbook.
export type CheckState = "ok" | "failing" | "unknown";
export interface HealthCheck { id: string; state: CheckState; what: string; next: string; since: number }
export type BoxWish = "restart" | "power_off" | "eject" | "upgrade" | "roll_back";
// offer: a later version on a stick; trouble: why what is there isn't one; former: where the way back leads.
// last: how the last change of version ended; its text has a line for why and one for what to do.
export type UpgradeState = "running" | "done" | "failed";
export interface Upgrade { offer: string | null; trouble: string | null; former: string | null; last: { at: number; back: boolean; state: UpgradeState; text: string } | null }
export type ClockSource = "floor" | "chip" | "visitor" | "ntp";
export interface WearDay { day: string; device_bytes: number | null; process_bytes: number; free: number }  // of UTC
export interface Disk {
  known: boolean; total: number; free: number; step: string; since: number | null; device: string | null; written_today: number | null; reserve: number;
  forecast: { days_left: number | null; bytes_a_day: number | null; why: string | null };
}
// How the run before a start ended; none: there was none.
export type RunEnd = "none" | "stopped" | "shutdown" | "crash" | "power";
// at_known: by a clock that was right. Nothing was recorded from last to at; dark_ms null: nobody knows for how long.
export interface Start { at: number; at_known: boolean; before: RunEnd; last: number | null; dark_ms: number | null }
export interface System {
  now: number; version: string; libraries: { name: string; version: string }[]; started: number;
  clock: { trusted: boolean; source: ClockSource | null; timezone: string; accept_browser: boolean };
  reached: { name: string | null; address: string };  // on the LAN; null: nothing answers for a name
  upgrade: Upgrade;
  can: BoxWish[];  // what POST /box {do} does here
  health: { at: number; checks: HealthCheck[] } | null;  // null: no round was made yet
  starts: Start[] | null;  // the last ten, newest first; null: the database can't be asked
  disk: Disk; wear: WearDay[];
}

// GET /series -> { series: SeriesInfo[] }
// GET /series/{id}/history?from&to&points|by=day -> History
// GET /export?node&sensor&from&to&format=csv|ndjson -> a stream
// GET /rejects?before -> { rejects: Reject[] }
export interface Reject { id: number; first: number; last: number; topic: string; reason: string; detail: string; count: number; bytes: number; payload: string }

// GET /events?node&from&to -> { events: NamedEvent[] }, newest first, at most 200
export interface NamedEvent { t: number; node: string | null; type: string; data: unknown }

// GET /backups -> Backups; POST /backups, POST /backups/{set}/verify, POST /backups/{set}/drill -> 202, one at a time;
// GET /backups/{set} -> the file, for admins
export type BackupState = "proven" | "verified" | "not verified" | "failed";
export type BackupKind = "now" | "verify" | "drill";
export interface BackupSet { set: string; state: BackupState; bytes: number; taken: number | null; newest: number | null; readings: number; program: string; verified: number | null; proven: number | null; failed: string | null; base: string | null }  // base: the set that it builds on; null: it is whole
export interface BackupRunning { kind: BackupKind; set: string | null; since: number; doing: string; done: number; all: number }  // all 0: nobody knows
export interface BackupEnded { kind: BackupKind; set: string | null; at: number; failed: string | null; next: string | null }
// last: how the last one ended that was started here since the box's start
export interface Backups { now: number; proven: { set: string; at: number } | null; running: BackupRunning | null; last: BackupEnded | null; sets: BackupSet[] }

// GET /live: server-sent events, `id:` a counter, `event:` one of these, `data:` JSON. Last-Event-ID resumes; when the
// box no longer holds what was missed it sends `reset`, and the page asks for everything again.
export type Live =
  | { event: "readings"; data: { now: number; readings: [series: number, t: number, value: number, quality: number, flags: number][] } }
  | { event: "presence"; data: { node: string; state: Presence; since: number; last_seen: number | null } }
  | { event: "happened"; data: { t: number; node: string | null; text: string } }
  | { event: "catalog"; data: Record<string, never> }  // a node or series is new or renamed: ask /nodes again
  | { event: "tick"; data: { now: number; broker_connected: boolean } }  // every 5 s, so that silence is noticed
  | { event: "reset"; data: Record<string, never> };
