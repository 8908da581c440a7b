// An invented house for the mock: every value is a function of series and time, so any stretch of any year can be asked for.
const minute = 60e3, hour = 3600e3, day = 24 * hour;

// A cheap, repeatable noise in [-1, 1].
function noise(seed, t) {
  const x = Math.sin(seed * 12.9898 + Math.floor(t) * 78.233) * 43758.5453;
  return 2 * (x - Math.floor(x)) - 1;
}
const smooth = (seed, t, length) => {
  const i = Math.floor(t / length), f = t / length - i, s = f * f * (3 - 2 * f);
  return noise(seed, i) * (1 - s) + noise(seed, i + 1) * s;
};
const daily = (t, peak_hour) => Math.cos(((t / hour - peak_hour) / 24) * 2 * Math.PI);
const yearly = (t) => Math.cos(((t / day - 200) / 365.25) * 2 * Math.PI);
const sun = (t) => Math.max(0, daily(t, 12) * 0.9 + 0.1 * yearly(t));

const shapes = {
  outside: (t, s) => 7 + 11 * yearly(t) + 4 * daily(t, 15) + 3 * smooth(s, t, 2 * day) + 0.4 * smooth(s + 1, t, 20 * minute),
  inside: (t, s) => 20.6 + 1.6 * daily(t, 19) + 1.1 * smooth(s, t, 9 * hour) + 0.15 * smooth(s + 1, t, 6 * minute),
  humidity: (t, s) => 46 + 10 * smooth(s, t, 16 * hour) - 4 * daily(t, 15) + 1 * smooth(s + 1, t, 10 * minute),
  co2: (t, s) => 430 + 900 * Math.max(0, smooth(s, t, 7 * hour)) ** 2 * Math.max(0, 0.4 + daily(t, 20)) + 12 * smooth(s + 1, t, 4 * minute),
  level: (t, s) => 1.7 + 0.25 * smooth(s, t, 5 * day) + 0.02 * smooth(s + 1, t, hour),
  power: (t, s) => 180 + 60 * smooth(s, t, 3 * hour) + (smooth(s + 2, t, 2 * hour) > 0.62 ? 1900 : 0) + 15 * noise(s, t / 2e3),
  energy: (t) => (t - Date.UTC(2024, 0, 1)) / hour * 0.21,
  solar: (t, s) => 420 * sun(t) * (0.75 + 0.25 * smooth(s, t, hour)),
  battery: (t, s) => 12.6 + 0.7 * sun(t - 2 * hour) + 0.05 * smooth(s, t, 30 * minute),
  cell: (t, s) => 3.55 + 0.2 * smooth(s, t, 20 * day),
};

const S = (sensor, unit, label, decimals, shape) => ({ sensor, unit, label, decimals, shape });
const hostile = '<img src=x onerror="alert(1)">';

export function make_world(now) {
  const created = now - 3.2 * 365 * day;
  const nodes = [
    { id: "living-room", name: "Living room", place: "House", interval_ms: 10e3, series: [S("temperature", "C", "Temperature", 2, "inside"), S("humidity", "%", "Humidity", 0, "humidity"), S("co2", "ppm", "CO₂", 0, "co2")] },
    { id: "kitchen", name: "Kitchen", place: "House", interval_ms: 10e3, series: [S("temperature", "C", "", 1, "inside"), S("humidity", "%", "", 0, "humidity")] },
    { id: "well", name: "Well", place: "Outside", interval_ms: 60e3, series: [S("level", "m", "Water level", 2, "level")] },
    { id: "energy", name: "Energy", place: "House", interval_ms: 2e3, series: [S("power", "W", "Power", 0, "power"), S("energy", "kWh", "Meter", 1, "energy")] },
    { id: "solar", name: "Solar", place: "House", interval_ms: 5e3, may_lose: true, series: [S("power", "W", "Panel", 0, "solar"), S("voltage", "V", "Battery", 2, "battery")] },
    { id: "greenhouse", name: "Greenhouse", place: "Outside", interval_ms: 60e3, silent_ms: 3.2 * hour, series: [S("temperature", "C", "Temperature", 1, "outside"), S("humidity", "%", "Humidity", 0, "humidity"), S("battery", "V", "Cell", 2, "cell")] },
    { id: "north-wall", name: hostile, place: "Outside", interval_ms: 60e3, series: [S("temperature", "C", `${hostile} wall`, 1, "outside")] },
    { id: "gate", name: "Gate", place: "", interval_ms: null, never: true, series: [] },
  ];
  let next_id = 1;
  for (const node of nodes) {
    node.silent_from = node.silent_ms ? now - node.silent_ms : Infinity;
    node.created = created;
    for (const series of node.series) Object.assign(series, { id: next_id, node: node.id, seed: next_id * 17 }), next_id += 1;
  }
  const power = { from: now - 12.6 * day, to: now - 12 * day, cause: "power" };
  const gaps_of = (node) => [
    { from: created + 200 * day, to: created + 214 * day, cause: "node_off" }, power,
    ...(node.id === "living-room" ? [{ from: now - 5 * day, to: now - 5 * day + 4 * hour, cause: "wifi" }, { from: now - 9 * hour, to: now - 7.6 * hour, cause: "node_silent" }] : []),
    ...(node.silent_ms ? [{ from: node.silent_from, to: Date.now(), cause: "node_silent" }] : []),
  ];
  return { nodes, created, gaps_of, value: (series, t) => Number(shapes[series.shape](t, series.seed).toFixed(series.decimals ?? 3)) };
}

export function history(world, node, series, from, to, points) {
  const start = Math.max(from, world.created), end = Math.min(to, Date.now(), node.silent_from);
  const raw = (to - from) / points <= (node.interval_ms ?? 60e3);
  const steps = [60e3, 120e3, 300e3, 600e3, 900e3, 1800e3, hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day, 30 * day, 365 * day];
  const bucket = raw ? node.interval_ms : steps.find((s) => (to - from) / s <= points) ?? 3650 * day;
  const gaps = world.gaps_of(node).filter((g) => g.to > from && g.from < to);
  const out = { series: series.id, from, to, bucket_ms: raw ? 0 : bucket, t: [], min: [], avg: [], max: [], n: [], gaps };
  for (let t = Math.floor(start / bucket) * bucket; t < end; t += bucket) {
    if (t + bucket <= start || gaps.some((g) => t + bucket / 2 > g.from && t + bucket / 2 < g.to)) continue;
    const samples = raw ? [t] : Array.from({ length: 8 }, (_, i) => t + (i * bucket) / 8).filter((s) => s <= end);
    if (samples.length === 0) continue;
    const values = samples.map((s) => world.value(series, s));
    const sum = values.reduce((a, b) => a + b, 0);
    out.t.push(t); out.min.push(Math.min(...values)); out.max.push(Math.max(...values));
    out.avg.push(sum / values.length); out.n.push(raw ? 1 : Math.max(1, Math.round(bucket / node.interval_ms)));
  }
  return out;
}
