// The line to the box: who is signed in, whether the box still speaks, what time it is there.
// Silence: the box ticks every 5 s. After 8 s without a word it is asked; 3 s without an answer and it counts as unreachable.
import { computed, signal } from "@preact/signals";
import { login as post_login, logout as delete_session, who_am_i, type Failure } from "../api/client";
import { open_live, type LiveStream } from "../api/live";
import type { Live, Session } from "../api/types";
import { known_zone } from "../lib/time";

export type SessionView = { state: "asking" } | { state: "out"; ended: boolean } | { state: "in"; session: Session } | { state: "failed"; failure: Failure };

const silence_ms_max = 8000, answer_ms_max = 3000, retry_ms = 3000, unreachable_after_ms = 5000;

export const session = signal<SessionView>({ state: "asking" });
export const unreachable_since = signal<number | null>(null);  // in the box's time: when it was last heard
export const box_now = signal(Date.now());
export const zone = computed(() => (session.value.state === "in" ? known_zone(session.value.session.timezone) : Intl.DateTimeFormat().resolvedOptions().timeZone));

let ahead_ms = 0;  // the box's clock before this device's: ages are told by the box's clock alone
let stream: LiveStream | null = null;
let heard_at = 0, ask_again_at = 0, asking = false;
const hearers = new Set<(message: Live) => void>();
const refreshers = new Set<() => void>();

// Both return the way to stop. A refresh means: something was missed, ask for everything again.
export const on_live = (hearer: (message: Live) => void): (() => void) => { hearers.add(hearer); return () => { hearers.delete(hearer); }; };
export const on_refresh = (refresher: () => void): (() => void) => { refreshers.add(refresher); return () => { refreshers.delete(refresher); }; };

export function set_box_time(box: number): void {
  ahead_ms = box - Date.now();
  box_now.value = box;
}

function hear(message: Live): void {
  heard_at = Date.now();
  unreachable_since.value = null;
  if (message.event === "tick" || message.event === "readings") set_box_time(message.data.now);
  if (message.event === "reset" || message.event === "catalog") refresh();
  for (const hearer of hearers) hearer(message);
}

const refresh = (): void => { for (const refresher of refreshers) refresher(); };

function disconnect(): void {
  stream?.close();
  stream = null;
}

function connect(): void {
  disconnect();
  heard_at = Date.now();
  stream = open_live(hear, () => { ask_again_at = Math.min(ask_again_at, Date.now() + 500); });
}

export function session_ended(): void {
  if (session.value.state !== "in") return;
  disconnect();
  unreachable_since.value = null;
  session.value = { state: "out", ended: true };
}

function enter(found: Session): void {
  session.value = { state: "in", session: found };
  unreachable_since.value = null;
  connect();
  refresh();
}

async function ask_who(): Promise<void> {
  asking = true;
  const answer = await who_am_i(answer_ms_max);
  asking = false;
  ask_again_at = Date.now() + (answer.ok ? silence_ms_max : retry_ms);
  if (session.value.state === "out") return;
  if (answer.ok) return enter(answer.data);
  if (answer.failure.kind === "session") {
    if (session.value.state === "in") session_ended();
    else session.value = { state: "out", ended: false };
  } else if (session.value.state !== "in") {
    session.value = { state: "failed", failure: answer.failure };
  } else if (Date.now() - heard_at > unreachable_after_ms && unreachable_since.value === null) {
    unreachable_since.value = heard_at + ahead_ms;
  }
}

function pulse(): void {
  box_now.value = Date.now() + ahead_ms;
  if (asking || session.value.state === "out" || Date.now() < ask_again_at) return;
  const quiet = session.value.state !== "in" || !stream || stream.dead() || Date.now() - heard_at > silence_ms_max || unreachable_since.value !== null;
  if (quiet) void ask_who();
}

export async function sign_in(name: string, password: string): Promise<Failure | null> {
  const answer = await post_login(name, password);
  if (!answer.ok) return answer.failure;
  enter(answer.data);
  return null;
}

export async function sign_out(): Promise<void> {
  await delete_session();
  disconnect();
  session.value = { state: "out", ended: false };
}

export function start_link(): void {
  void ask_who();
  setInterval(pulse, 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) pulse(); });
}
