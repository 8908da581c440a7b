// A stand-in for the core: serves dist/ and the API with an invented house that moves. For building and testing the page alone.
//   node dev/mock.mjs [--port N] [--mode normal|empty|error|clock|well|guest]     user "owner", password "letmein"
// Modes can be changed while it runs: GET /mock?mode=normal|empty|error|clock|well|guest|failing|restart|unreachable|ended (failing: backups do; guest: may only look; restart: what was under way is forgotten; unreachable: connections are dropped).
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { make_settings } from "./mock_settings.mjs";
import { system } from "./mock_system.mjs";
import { history, make_world } from "./world.mjs";

const dist = join(dirname(fileURLToPath(import.meta.url)), "../dist");
const minute = 60e3, hour = 3600e3, day = 24 * hour;
const argument = (name, otherwise) => { const i = process.argv.indexOf(`--${name}`); return i < 0 ? otherwise : process.argv[i + 1]; };

const began = Date.now();
const world = make_world(began);
const account = { name: "owner", password: "letmein", cookie: `s=${Math.random().toString(36).slice(2)}` };
let mode = argument("mode", "normal");
let signed_in = false, counter = 0;
const streams = new Set();
const silent = (node) => Boolean(node.silent_ms);
const speed_ms = 2000;  // every node speaks this often here, so that a test sees values move

const last_of = (node, series) => {
  if (node.never) return null;
  const t = silent(node) ? node.silent_from : Math.floor(Date.now() / speed_ms) * speed_ms;
  return { t, value: world.value(series, t), quality: "node", late: false };
};
const series_info = (node, series) => ({ id: series.id, node: node.id, sensor: series.sensor, unit: series.unit, label: series.label, decimals: series.decimals, last: last_of(node, series) });
const node_info = (node) => ({
  id: node.id, name: node.name, place: node.place, created: node.created, interval_ms: node.interval_ms, may_lose: Boolean(node.may_lose),
  presence: node.never ? "never_seen" : silent(node) ? "stale" : "online", presence_since: silent(node) ? node.silent_from + 3 * minute : began - 2 * day,
  last_seen: node.never ? null : silent(node) ? node.silent_from : Date.now(), series: node.series.map((s) => series_info(node, s)),
});
const nodes = () => (mode === "empty" ? [] : world.nodes);

function overview() {
  const now = Date.now();
  return {
    now, site: "Cabin", timezone: "Europe/Berlin", clock_trusted: mode !== "clock", broker_connected: true, started: began - 21 * day,
    readings_stored: mode === "empty" ? 0 : 1204118 + Math.floor((now - began) / 100), rejected_today: mode === "empty" ? 0 : 3,
    findings: mode === "empty" || mode === "well" ? [] : mode === "clock" ? [clock_finding] : [{ id: "silent:greenhouse", level: "needs_you", what: "Greenhouse has been silent for 3 hours", why: "Its battery was at 3.31 V in the last heartbeat and falling for 4 days.", todo: "It most likely needs charging.", since: world.nodes[5].silent_from, node: "greenhouse" }],
    nodes: nodes().map((node) => ({ ...node_info(node), trend: node.series.map((s) => history(world, node, s, now - day, now, 60)) })),
    recent: mode === "empty" ? [] : [
      { t: now - 3.2 * hour, node: "greenhouse", text: "Greenhouse fell silent" }, { t: now - 7.6 * hour, node: "living-room", text: "Living room is heard again after 1 h" },
      { t: now - 2 * day, node: "well", text: "Well below 1.50 m for 40 min, recovered by itself" }, { t: now - 12 * day, node: null, text: "Power dark for 14 h, clean start afterwards" },
      { t: now - 13 * day, node: "north-wall", text: '<img src=x onerror="alert(1)"> is a new node' },
    ],
  };
}

function node_detail(node) {
  const now = Date.now();
  const date = (t) => new Date(t).toISOString().slice(0, 10);
  const per_day = Math.round(day / (node.interval_ms ?? minute)) * node.series.length;
  return {
    ...node_info(node),
    heartbeat: node.never ? null : { t: silent(node) ? node.silent_from : now - 25e3, uptime_s: 21 * 86400 + 512, rssi_dbm: silent(node) ? -81 : -63, firmware: "1.4.2", heap_bytes: 148320, lost: silent(node) ? 12 : null, battery_v: silent(node) ? 3.31 : null, reset: "power" },
    presence_changes: node.never ? [] : [
      { t: now - 7 * day - hour, state: "online" }, { t: now - 5 * day, state: "stale" }, { t: now - 5 * day + 4 * hour, state: "online" }, { t: now - 2.3 * day, state: "offline" }, { t: now - 2 * day, state: "online" },
      ...(silent(node) ? [{ t: node.silent_from, state: "stale" }] : []),
    ],
    numbered: !node.may_lose,
    days: node.never ? [] : Array.from({ length: 7 }, (_, i) => ({ day: date(now - (6 - i) * day), stored: i === 6 ? Math.round(per_day * 0.6) : per_day - (i === 2 ? 1441 : i === 4 ? 12 : 0), rejected: i === 4 ? 3 : 0, repeated: i === 2 ? 212 : 0, lost: i === 2 ? 1441 : i === 4 ? 9 : 0, missing: i === 1 ? 240 : 0, gaps: i === 1 ? [{ cause: "power", ms: 4 * hour }, { cause: "node_restart", ms: 190e3 }] : [] })),
    errors: node.never ? [] : [{ t: now - 30 * hour, code: "sht31_crc", message: "3 readings of the sensor had a bad checksum; check the wiring" }],
    events: node.never ? [] : [{ t: now - 26 * hour, type: "door_opened", data: { by: "<b>hand</b>", count: 2 } }, { t: now - 50 * hour, type: "boot", data: "cold start" }],
  };
}

// One set of each state; what is started takes three seconds.
const set_of = (t, state, more) => ({ set: `alona-cabin-${new Date(t).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z.tar.zst`, state, bytes: 48_231_424, taken: t, newest: t - 9e3, readings: 1_204_118, program: "0.1.0", verified: t + 40e3, proven: null, failed: null, base: null, ...more });
const began_day = Math.floor(began / day) * day;
let sets = [
  set_of(began_day + 2.25 * hour, "verified", {}), set_of(began_day - 21.75 * hour, "proven", { proven: began_day - 5 * hour }),
  set_of(began_day - 45.75 * hour, "not verified", { verified: null, bytes: 1_148_224, base: set_of(began_day - 93.75 * hour, "", {}).set }),
  set_of(began_day - 69.75 * hour, "failed", { taken: null, newest: null, readings: 0, program: "", bytes: 1_231_424, verified: null, failed: "alona-cabin-old.tar.zst is damaged: its last 52 bytes aren't there" }),
  set_of(began_day - 93.75 * hour, "verified", { bytes: 812_440_576 }),
];
let work = null, ended = null;
const work_ms = 3000;
function backups() {
  if (work && Date.now() - work.since > work_ms) {
    const { kind, since } = work;
    if (mode === "failing") { work = null; ended = { kind, set: null, at: Date.now(), failed: "there are 12 MiB free, and a backup needs 140 MiB", next: "Make room, or lower [backup] keep." }; return backups(); }
    if (kind === "now") sets = [set_of(since, "verified", {}), ...sets];
    const set = kind === "now" ? sets[0].set : work.set;
    sets = sets.map((one) => (one.set !== set ? one : kind === "drill" ? { ...one, state: "proven", verified: since, proven: since, failed: null, taken: one.taken ?? since } : { ...one, verified: since, state: one.proven ? "proven" : "verified", failed: null }));
    work = null; ended = { kind, set, at: Date.now(), failed: null, next: null };
  }
  const shown = mode === "empty" ? [] : sets;
  const proven = shown.find((one) => one.proven);
  return { now: Date.now(), proven: proven ? { set: proven.set, at: proven.proven } : null, running: work && { ...work, doing: "reading back", done: Date.now() - work.since, all: work_ms }, last: mode === "empty" ? null : ended, sets: shown };
}
function start_backup(response, kind, set) {
  if (backups().running) return problem(response, 503, "a backup is under way", "", "Wait until it is done.");
  if (kind !== "now" && !sets.some((one) => one.set === set)) return problem(response, 404, "there is no such backup");
  work = { kind, set: set ?? null, since: Date.now() };
  return send(response, 202);
}

// What the core sends with every answer, so that a violation shows here too.
const headers = {
  "Content-Security-Policy": "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
};
function send(response, status, body, type = "application/json") {
  response.writeHead(status, { ...headers, "Content-Type": status >= 400 ? "application/problem+json" : type });
  response.end(body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body));
}
const problem = (response, status, title, detail, next) => send(response, status, { type: "about:blank", title, status, detail, next });

function login(request, response) {
  let body = "";
  request.on("data", (part) => { body += part; });
  request.on("end", () => {
    const { name, password } = JSON.parse(body || "{}");
    if (name !== account.name || password !== account.password) return problem(response, 401, "Name or password is wrong.", "", "Try again.");
    signed_in = true;
    response.setHeader("Set-Cookie", `${account.cookie}; HttpOnly; SameSite=Strict; Path=/`);
    return send(response, 200, session());
  });
}
const session = () => ({ user: account.name, admin: mode !== "guest", token: "mock-token", site: "Cabin", timezone: "Europe/Berlin", version: "0.1.0" });

function open_stream(request, response) {
  response.writeHead(200, { ...headers, "Content-Type": "text/event-stream" });
  const say = (event, data) => response.write(`id: ${(counter += 1)}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  const tick = () => say("tick", { now: Date.now(), broker_connected: true });
  tick();
  const timers = [
    setInterval(tick, 5000),
    setInterval(() => say("readings", { now: Date.now(), readings: nodes().filter((n) => !n.never && !silent(n)).flatMap((n) => n.series.map((s) => { const last = last_of(n, s); return [s.id, last.t, last.value, 0, 0]; })) }), speed_ms),
  ];
  const stream = { say, destroy: () => response.destroy() };
  streams.add(stream);
  response.on("close", () => { timers.forEach(clearInterval); streams.delete(stream); });
}
const settings = make_settings(world, { send, problem, tell: (event, data) => { for (const stream of streams) stream.say(event, data); } });

const clock_finding = {
  id: "clock", level: "needs_you", what: "The box doesn't know what time it is", why: "Nobody who knows has told it the time since it started.",
  todo: "Tell it the time from the device in your hand.", since: null, node: null,
};

function api(request, response, url) {
  const path = url.pathname.slice("/api/v1".length);
  if (path === "/session" && request.method === "POST") return login(request, response);
  if (!signed_in || !(request.headers.cookie ?? "").includes(account.cookie)) return problem(response, 401, "Sign in first.", "There is no session.", "Sign in.");
  if (path === "/session" && request.method === "DELETE") { signed_in = false; return send(response, 204); }
  if (path === "/session") return send(response, 200, session());
  if (path === "/clock" && request.method === "POST") { mode = "normal"; return send(response, 204); }
  if (path === "/live") return open_stream(request, response);
  if (mode === "error") return problem(response, 503, "The box is busy.", "Its database is being checked after a power cut.", "This takes some minutes. Try again then.");
  if (path === "/backups") return request.method === "POST" ? start_backup(response, "now") : send(response, 200, backups());
  const backup = path.match(/^\/backups\/([^/]+)(?:\/(verify|drill))?$/);
  if (backup) return backup[2] ? start_backup(response, backup[2], decodeURIComponent(backup[1])) : send(response, 200, "a set", "application/zstd");
  if (path === "/system") return send(response, 200, system(mode, began));
  if (settings(request, response, path)) return;
  if (path === "/overview") return send(response, 200, overview());
  const series = path.match(/^\/series\/(\d+)\/history$/);
  if (series) {
    const node = nodes().find((n) => n.series.some((s) => s.id === Number(series[1])));
    if (!node) return problem(response, 404, "There is no such series.");
    const [from, to, points] = ["from", "to", "points"].map((name) => Number(url.searchParams.get(name)));
    return send(response, 200, history(world, node, node.series.find((s) => s.id === Number(series[1])), from, to, points));
  }
  const one = path.match(/^\/nodes\/([^/]+)$/);
  if (one) {
    const node = nodes().find((n) => n.id === decodeURIComponent(one[1]));
    return node ? send(response, 200, node_detail(node)) : problem(response, 404, "There is no such node.");
  }
  if (path === "/export") return send(response, 200, "time,value\r\n", "text/csv");
  return problem(response, 404, "There is no such path.");
}

const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml" };
function page(response, url) {
  const file = join(dist, normalize(url.pathname === "/" ? "/index.html" : url.pathname));
  if (!file.startsWith(dist) || !existsSync(file)) return problem(response, 404, "There is no such page.");
  response.writeHead(200, { ...headers, "Content-Type": types[extname(file)] ?? "application/octet-stream" });
  return createReadStream(file).pipe(response);
}

function change_mode(response, wanted) {
  if (wanted === "restart") work = ended = null, wanted = "normal";
  if (wanted === "ended") signed_in = false; else mode = wanted;
  send(response, 200, { mode });
  if (wanted === "unreachable" || wanted === "ended") for (const stream of streams) stream.destroy();
}

const server = createServer((request, response) => {
  const url = new URL(request.url ?? "/", "http://mock");
  if (url.pathname === "/mock") return change_mode(response, url.searchParams.get("mode") ?? "normal");
  if (mode === "unreachable") return void request.socket.destroy();
  return url.pathname.startsWith("/api/v1/") ? api(request, response, url) : page(response, url);
});
server.listen(Number(argument("port", "0")), "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
