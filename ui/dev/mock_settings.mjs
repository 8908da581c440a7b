// The mock's settings: nodes that come and go, users, logins that are shown once. A node that is added speaks after three seconds.
import { asked_upgrade } from "./mock_system.mjs";

const speaks_after_ms = 3000;

// Looks like a QR code, says nothing.
function rows_like_qr(size) {
  const corner = (x, y) => { const far = Math.max(Math.abs(x - 3), Math.abs(y - 3)); return far <= 3 ? far !== 2 : far === 4 ? false : null; };
  const dark = (x, y) => corner(x, y) ?? corner(size - 1 - x, y) ?? corner(x, size - 1 - y) ?? Math.sin(x * 12.9898 + y * 78.233) * 43758.5453 % 1 > 0;
  return Array.from({ length: size }, (_, y) => Array.from({ length: size }, (_, x) => (dark(x, y) ? "1" : "0")).join(""));
}

function login_of(id) {
  const password = Array.from({ length: 32 }, () => Math.floor(16 * Math.random()).toString(16)).join("");
  const host = "192.168.4.1";
  return {
    id, user: id, password, unproven: id === "slow" ? { what: "the broker still uses its old password file", next: "Reload it with `sudo systemctl reload mosquitto`; the change holds from then on." } : null, host, host_name: "cabin.local", port: 1883, uri: `alona:node?v=1&host=${host}&port=1883&id=${id}&password=${password}`, qr: rows_like_qr(41),
    snippet: `// alona_node.h: node ${id}. It holds a password: keep it out of version control.\n#pragma once\n#define ALONA_NODE_ID "${id}"\n#define ALONA_BROKER_HOST "${host}"\n#define ALONA_BROKER_PORT 1883\n#define ALONA_PASSWORD "${password}"\n`,
    esphome: `# ESPHome: node ${id}. Sensors publish to alona/${id}/telemetry/SENSOR (docs/protocol.md).\nmqtt:\n  broker: "${host}"\n  port: 1883\n  username: "${id}"\n  password: "${password}"\n`,
    nvs_csv: `key,type,encoding,value\nalona,namespace,,\nnode_id,data,string,${id}\nhost,data,string,${host}\nport,data,u16,1883\npassword,data,string,${password}\nwifi_ssid,data,string,\nwifi_pass,data,string,\n`,
  };
}

const body_of = async (request) => { let text = ""; for await (const part of request) text += part; return JSON.parse(text || "{}"); };

// tell(event, data): to every live stream. Returns what answers a request, or false where it isn't its own.
export function make_settings(world, { send, problem, tell }) {
  let users = [{ name: "anna", admin: true }, { name: "owner", admin: true }];
  const speak = (node) => setTimeout(() => {
    Object.assign(node, { never: false, interval_ms: 10e3 });
    tell("catalog", {});
    tell("presence", { node: node.id, state: "online", since: Date.now(), last_seen: Date.now() });
  }, speaks_after_ms);

  async function add(request, response) {
    const { id, name = "", place = "" } = await body_of(request);
    if (world.nodes.some((node) => node.id === id)) return problem(response, 409, `there is a node ${id} already`);
    if (id === "busy") return problem(response, 503, "The box is busy: too much waits already", "", "Try again in a moment.");
    const node = { id, name, place, interval_ms: null, never: true, series: [], created: Date.now(), silent_from: Infinity };
    world.nodes.push(node);
    tell("catalog", {});
    if (id !== "quiet") speak(node);
    return send(response, 201, login_of(id));
  }

  async function change(request, response, id, rotate) {
    const node = world.nodes.find((one) => one.id === id);
    if (!node) return problem(response, 404, `no node is named ${id}`, "", "see the list of nodes");
    if (rotate) return send(response, 200, login_of(id));
    if (request.method === "DELETE") world.nodes.splice(world.nodes.indexOf(node), 1);
    else Object.assign(node, await body_of(request));
    tell("catalog", {});
    return request.method === "DELETE" ? send(response, 204) : send(response, 200, node);
  }

  // A counter that goes on keeps its base and the one before; taking it back needs no more.
  const info_of = (series) => ({
    series: series.id, sensor: series.sensor, unit: series.unit, label: series.label, decimals: series.decimals, kind: series.unit === "kWh" ? "rises" : "",
    last: { t: Date.now() - 2000, value: world.value(series, Date.now()) }, base: series.bases?.at(-1) ?? 0, changed: series.changed ?? null, undo: (series.bases ?? []).length > 1,
  });
  async function counters(request, response, id, replace) {
    const node = world.nodes.find((one) => one.id === id);
    if (!node) return problem(response, 404, `no node is named ${id}`, "", "see the list of nodes");
    const { counters: changes = [] } = request.method === "POST" ? await body_of(request) : {};
    for (const change of changes) {
      const series = node.series.find((one) => one.sensor === change.sensor);
      if (!series || change.begins_at === "666") return problem(response, 404, `${id} has no readings of ${change.sensor}`);
      series.bases ??= [0];
      if (change.undo) series.bases.pop(); else series.bases.push(Number(change.goes_on_from ?? info_of(series).last.value) - Number(change.begins_at));
      series.changed = Date.now();
    }
    if (!replace) return send(response, 200, { counters: node.series.map(info_of) });
    speak(node);
    return send(response, 200, login_of(id));
  }

  async function put_user(request, response) {
    const { name } = await body_of(request);
    users = [...users.filter((one) => one.name !== name), { name, admin: true }].sort((a, b) => a.name.localeCompare(b.name));
    return send(response, 204);
  }

  function remove_user(response, name) {
    if (users.length === 1) return problem(response, 409, "the last admin can't be removed", "", "Nobody could change anything here any more. Add another user first.");
    users = users.filter((one) => one.name !== name);
    return send(response, 204);
  }

  return (request, response, path) => {
    if (path === "/box" && request.method === "POST") return body_of(request).then((body) => {
      if (body.do === "upgrade" || body.do === "roll_back") Object.assign(asked_upgrade, { at: Date.now(), back: body.do === "roll_back" });
      send(response, 202);
    }), true;
    if (path === "/nodes" && request.method === "POST") return add(request, response), true;
    const counted = /^\/nodes\/([^/]+)\/(counters|replace)$/.exec(path);
    if (counted) return counters(request, response, decodeURIComponent(counted[1]), counted[2] === "replace"), true;
    const node = /^\/nodes\/([^/]+)(\/rotate)?$/.exec(path);
    if (node && request.method !== "GET") return change(request, response, decodeURIComponent(node[1]), Boolean(node[2])), true;
    if (path === "/users") return request.method === "POST" ? put_user(request, response) : send(response, 200, { users }), true;
    const user = /^\/users\/([^/]+)$/.exec(path);
    if (user && request.method === "DELETE") return remove_user(response, decodeURIComponent(user[1])), true;
    return false;
  };
}
