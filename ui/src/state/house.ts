// The house as last told: one overview, kept up to date by the live stream. Every page reads nodes and values from here.
import { get_overview } from "../api/client";
import { take } from "../lib/live";
import { on_live, on_refresh, session, set_box_time } from "./link";
import { resource } from "./loaded";

const refresh_ms_min = 2000, reload_ms = 5 * 60 * 1000;

export const house = resource(async () => {
  const answer = await get_overview();
  if (answer.ok) set_box_time(answer.data.now);
  return answer;
});

let wanted: ReturnType<typeof setTimeout> | null = null;
let loaded_at = 0;
function load_soon(): void {
  if (wanted !== null) return;
  wanted = setTimeout(() => { wanted = null; loaded_at = Date.now(); void house.load(); }, Math.max(0, loaded_at + refresh_ms_min - Date.now()));
}

export function start_house(): void {
  on_refresh(load_soon);
  on_live((message) => {
    let broker_changed = false;
    house.update((data) => {
      broker_changed = message.event === "tick" && message.data.broker_connected !== data.broker_connected;
      return take(data, message);
    });
    // Findings come with the overview alone; what changes them is one of these. A box that can't store leaves its broker.
    if (message.event === "presence" || message.event === "happened" || broker_changed) load_soon();
  });
  setInterval(() => { if (session.value.state === "in" && !document.hidden) load_soon(); }, reload_ms);
}
