// The mock's box: health, disk, wear, clock.
const minute = 60e3, hour = 60 * minute, day = 24 * hour;

const well = ["core", "broker", "inodes", "writable", "backup", "written", "power_supply", "memory"];
const failing = (now) => [
  { id: "silent:greenhouse", state: "failing", what: "Greenhouse is silent for 3 h", next: "Look whether it has power and reaches the Wi-Fi. It catches up by itself with what it has kept.", since: now - 3.2 * hour },
  { id: "room", state: "failing", what: 'the disk is 87 % full <img src=x onerror="alert(1)">', next: "`alona status` says how long it lasts.", since: now - 2 * day },
  { id: "temperature", state: "unknown", what: "the sensor doesn't answer", next: "", since: now - 5 * day },
];

// Newest first; the last is the box's first.
const starts = (now) => [
  { at: now - 21 * day, at_known: true, before: "power", last: now - 21 * day - 7.4 * hour, dark_ms: 7.4 * hour },
  { at: now - 33 * day, at_known: false, before: "power", last: now - 33 * day, dark_ms: null },
  { at: now - 40 * day, at_known: true, before: "crash", last: now - 40 * day - 9e3, dark_ms: 9e3 },
  { at: now - 60 * day, at_known: true, before: "stopped", last: now - 60 * day - 4 * minute, dark_ms: 4 * minute },
  { at: now - 400 * day, at_known: true, before: "shutdown", last: now - 402 * day, dark_ms: 2 * day },
  { at: now - 500 * day, at_known: true, before: "none", last: null, dark_ms: null },
];

// What was asked of the version; the mock's box never turns well with another.
export const asked_upgrade = { at: 0, back: false };

export function system(mode, began) {
  const now = Date.now(), empty = mode === "empty";
  const date = (t) => new Date(t).toISOString().slice(0, 10);
  const days = empty ? [] : Array.from({ length: 31 }, (_, i) => ({
    day: date(now - (30 - i) * day), process_bytes: (28 + 6 * Math.sin(i)) * 1e6, free: 27e9 - i * 21e6,
    device_bytes: i < 4 ? null : (41 + 9 * Math.sin(1.7 * i) + (i % 7 === 3 ? 260 : 0)) * 1e6 * (i === 30 ? 0.4 : 1),
  }));
  return {
    now, version: "0.1.0", libraries: [{ name: "sqlite", version: "3.40.1" }, { name: "libmosquitto", version: "2.0.11" }], started: began - 21 * day,
    clock: { trusted: mode !== "clock", source: mode === "clock" ? "floor" : "visitor", timezone: "Europe/Berlin", accept_browser: true },
    reached: { name: "alona.local", address: "192.168.4.1" },
    upgrade: { offer: "0.1.1", trouble: null, former: "0.0.9", last: asked_upgrade.at ? { at: asked_upgrade.at, back: asked_upgrade.back, state: "failed", text: "the upgrade to 0.1.1 was undone, and 0.1.0 runs as before: the core does not turn well\nLook at the journal." } : null },
    can: ["restart", "power_off", "eject"],
    health: empty ? null : { at: now - 3 * minute, checks: [...(mode === "well" ? [] : failing(now)), ...well.map((id) => ({ id, state: "ok", what: "", next: "", since: now - 21 * day }))] },
    starts: empty ? [] : starts(now),
    disk: { known: !empty, total: 31.2e9, free: mode === "well" ? 27.4e9 : 3.9e9, step: mode === "well" ? "ample" : "low", since: mode === "well" ? null : now - 2 * day, device: "mmcblk0", written_today: empty ? null : days[30].device_bytes, reserve: 524288000, forecast: empty ? { days_left: null, bytes_a_day: null, why: "not known yet: 0 of 7 days are counted" } : { days_left: mode === "well" ? 3285 : 190, bytes_a_day: 21e6, why: null } },
    wear: days,
  };
}
