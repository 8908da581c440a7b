// What the live stream says, worked into the last overview.
import type { History, Live, Overview, Quality } from "../api/types";
import { day } from "./time";

type Readings = Extract<Live, { event: "readings" }>["data"];
type HouseNode = Overview["nodes"][number];

const recent_max = 20;
const qualities: Quality[] = ["node", "receipt", "provisional"];  // the stream's numbers
const late_flag = 0x20;  // received_late of the store

// One reading into the last bucket of a trend, or into a new one.
export function extend(trend: History, t: number, value: number, now: number): History {
  const from = now - day;
  const last = trend.t.length - 1;
  const start = trend.bucket_ms > 0 ? Math.floor(t / trend.bucket_ms) * trend.bucket_ms : t;
  const last_start = trend.t[last] ?? -Infinity;
  if (start < last_start) return trend;
  const cut = Math.max(0, trend.t.findIndex((s) => s >= from));
  const out: History = { ...trend, from, to: now, t: trend.t.slice(cut), min: trend.min.slice(cut), avg: trend.avg.slice(cut), max: trend.max.slice(cut), n: trend.n.slice(cut) };
  if (start === last_start && out.t.length > 0) {
    const i = out.t.length - 1, n = out.n[i] ?? 1;
    out.min[i] = Math.min(out.min[i] ?? value, value);
    out.max[i] = Math.max(out.max[i] ?? value, value);
    out.avg[i] = ((out.avg[i] ?? value) * n + value) / (n + 1);
    out.n[i] = n + 1;
  } else {
    out.t.push(start); out.min.push(value); out.avg.push(value); out.max.push(value); out.n.push(1);
  }
  return out;
}

function take_reading(node: HouseNode, [id, t, value, quality, flags]: Readings["readings"][number], now: number): HouseNode {
  const series = node.series.map((one) => (one.id !== id || (one.last && one.last.t > t) ? one
    : { ...one, last: { t, value, quality: qualities[quality] ?? "provisional", late: (flags & late_flag) !== 0 } }));
  const trend = node.trend.map((one) => (one.series === id ? extend(one, t, value, now) : one));
  return { ...node, series, trend, last_seen: Math.max(node.last_seen ?? 0, Math.min(t, now)) };
}

export function take_readings(data: Overview, message: Readings): Overview {
  const owner = new Map(data.nodes.flatMap((node, i) => node.series.map((series) => [series.id, i] as const)));
  const nodes = data.nodes.slice();
  for (const reading of message.readings) {
    const i = owner.get(reading[0]);
    const node = i === undefined ? undefined : nodes[i];
    if (i !== undefined && node) nodes[i] = take_reading(node, reading, message.now);
  }
  return { ...data, nodes, now: message.now, readings_stored: data.readings_stored + message.readings.length };
}

export function take(data: Overview, message: Live): Overview {
  switch (message.event) {
    case "readings": return take_readings(data, message.data);
    case "presence": {
      const { node: id, state, since, last_seen } = message.data;
      return { ...data, nodes: data.nodes.map((node) => (node.id === id ? { ...node, presence: state, presence_since: since, last_seen } : node)) };
    }
    case "happened": return { ...data, recent: [message.data, ...data.recent].slice(0, recent_max) };
    case "tick": return data.broker_connected === message.data.broker_connected ? data : { ...data, broker_connected: message.data.broker_connected };
    case "catalog":
    case "reset": return data;  // the link asks for everything again
  }
}
