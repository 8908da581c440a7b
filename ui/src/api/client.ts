// The only place that fetches. Every answer is checked; every failure says what, why and what to do next.
import { words } from "../words";
import { Mismatch, type Check } from "./check";
import type { BackupKind, Backups, BoxWish, CounterChange, CounterInfo, History, NodeCredentials, NodeDetail, Overview, SeriesInfo, Session, System, User } from "./types";
import * as wire from "./wire";

export type FailureKind = "unreachable" | "session" | "missing" | "refused" | "garbled";
export interface Failure { kind: FailureKind; what: string; why: string; next: string }
export type Answer<T> = { ok: true; data: T } | { ok: false; failure: Failure };

const base = "/api/v1";
const answer_ms_max = 8000;  // the box ends a query after 5 s; the rest is the line
const proof_ms_max = 22_000;  // a node's login is proven at the broker first, which has 15 s for it
let token = "";

const failed = (kind: FailureKind, text: { what: string; why: string; next: string }): { ok: false; failure: Failure } => ({ ok: false, failure: { kind, ...text } });

async function refusal(response: Response): Promise<{ ok: false; failure: Failure }> {
  let title = `${response.status} ${response.statusText}`.trim(), detail = "", next = "";
  try {
    const told = wire.problem(await response.json(), "problem");
    title = told.title ?? title; detail = told.detail ?? ""; next = told.next ?? "";
  } catch { /* not a problem document: the status line has to do */ }
  const kind: FailureKind = response.status === 401 ? "session" : response.status === 404 ? "missing" : "refused";
  return failed(kind, { what: title, why: detail, next: next || words.failure.next });
}

async function ask<T>(method: string, path: string, check: Check<T>, body?: unknown, ms_max = answer_ms_max): Promise<Answer<T>> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), ms_max);
  try {
    const headers: Record<string, string> = { Accept: "application/json" };
    if (method !== "GET") headers["X-Alona-Token"] = token;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const response = await fetch(base + path, {
      method, headers, signal: stop.signal, credentials: "same-origin", cache: "no-store", ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) return await refusal(response);
    const arrived: unknown = response.status === 204 || response.status === 202 ? undefined : await response.json();
    return { ok: true, data: check(arrived, path.split("?")[0] ?? path) };
  } catch (error) {
    if (error instanceof Mismatch) return failed("garbled", words.failure.garbled(error.message));
    if (error instanceof SyntaxError) return failed("garbled", words.failure.garbled(path));
    return failed("unreachable", words.failure.unreachable);
  } finally {
    clearTimeout(timer);
  }
}

const keep_token = (answer: Answer<Session>): Answer<Session> => {
  if (answer.ok) token = answer.data.token;
  return answer;
};

// ms_max short: it is also how the page notices that the box is gone.
export const who_am_i = async (ms_max?: number): Promise<Answer<Session>> => keep_token(await ask("GET", "/session", wire.session, undefined, ms_max));
export const login = async (name: string, password: string): Promise<Answer<Session>> => keep_token(await ask("POST", "/session", wire.session, { name, password }));
export const logout = (): Promise<Answer<void>> => ask("DELETE", "/session", () => undefined);
export const set_clock = (now: Date): Promise<Answer<void>> => ask("POST", "/clock", () => undefined, { time: now.toISOString() });
export const bundle_address = `${base}/bundle`;
export const ask_box = (wish: BoxWish): Promise<Answer<void>> => ask("POST", "/box", () => undefined, { do: wish });
export const get_overview = (): Promise<Answer<Overview>> => ask("GET", "/overview", wire.overview);
export const get_node = (id: string): Promise<Answer<NodeDetail>> => ask("GET", node_path(id), wire.node_detail);

const node_path = (id: string): string => `/nodes/${encodeURIComponent(id)}`;
const nothing = (): void => undefined;
export const add_node = (id: string, name: string, place: string): Promise<Answer<NodeCredentials>> => ask("POST", "/nodes", wire.credentials, { id, name, place }, proof_ms_max);
export const rotate_node = (id: string): Promise<Answer<NodeCredentials>> => ask("POST", `${node_path(id)}/rotate`, wire.credentials, undefined, proof_ms_max);
export const replace_node = (id: string, counters: CounterChange[]): Promise<Answer<NodeCredentials>> => ask("POST", `${node_path(id)}/replace`, wire.credentials, { counters }, proof_ms_max);
export async function get_counters(id: string): Promise<Answer<CounterInfo[]>> {
  const answer = await ask("GET", `${node_path(id)}/counters`, wire.counters);
  return answer.ok ? { ok: true, data: answer.data.counters } : answer;
}
export const change_counters = (id: string, counters: CounterChange[]): Promise<Answer<void>> => ask("POST", `${node_path(id)}/counters`, nothing, { counters });
export const rename_node = (id: string, name: string, place: string): Promise<Answer<void>> => ask("PATCH", node_path(id), nothing, { name, place });
export const remove_node = (id: string): Promise<Answer<void>> => ask("DELETE", node_path(id), nothing, undefined, proof_ms_max);

export async function get_users(): Promise<Answer<User[]>> {
  const answer = await ask("GET", "/users", wire.users);
  return answer.ok ? { ok: true, data: answer.data.users } : answer;
}
export const put_user = (name: string, password: string): Promise<Answer<void>> => ask("POST", "/users", nothing, { name, password });
export const remove_user = (name: string): Promise<Answer<void>> => ask("DELETE", `/users/${encodeURIComponent(name)}`, nothing);
export const get_system = (): Promise<Answer<System>> => ask("GET", "/system", wire.system);

// Where the box would choose buckets of a day, it is asked for days of the site's zone: its own are of UTC.
export function by_day(from: number, to: number, points: number): boolean {
  const days = (to - from) / 86_400_000;
  return Math.floor(days) + 1 < points && Math.floor(2 * days) + 1 >= points;
}

export function get_history(series: number, from: number, to: number, points: number): Promise<Answer<History>> {
  const query = new URLSearchParams({ from: String(Math.round(from)), to: String(Math.round(to)) });
  if (by_day(from, to, points)) query.set("by", "day"); else query.set("points", String(points));
  return ask("GET", `/series/${series}/history?${query}`, wire.history);
}

// A link, not a fetch: the browser saves the stream as it comes.
export function export_address(series: Pick<SeriesInfo, "node" | "sensor">, from: number, to: number): string {
  const query = new URLSearchParams({ node: series.node, sensor: series.sensor, from: String(Math.round(from)), to: String(Math.round(to)), format: "csv" });
  return `${base}/export?${query}`;
}

export const get_backups = (): Promise<Answer<Backups>> => ask("GET", "/backups", wire.backups);
export const start_backup = (kind: BackupKind, set: string): Promise<Answer<void>> =>
  ask("POST", kind === "now" ? "/backups" : `/backups/${encodeURIComponent(set)}/${kind}`, () => undefined);
export const backup_address = (set: string): string => `${base}/backups/${encodeURIComponent(set)}`;
