// Starts the mock server of ui/dev on a free port and runs all browser tests against it. ui/dist must be built.
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";

const here = dirname(fileURLToPath(import.meta.url));
const mock = spawn(process.execPath, [join(here, "../../ui/dev/mock.mjs")], { stdio: ["ignore", "pipe", "inherit"] });
const lines = createInterface({ input: mock.stdout });
const address = await new Promise((found, failed) => {
  lines.on("line", (line) => { const match = /http:\S+/.exec(line); if (match) found(match[0]); });
  mock.on("exit", () => failed(new Error("the mock server ended before it listened")));
});
const tests = process.argv.length > 2 ? process.argv.slice(2) : ["page.test.mjs", "settings.test.mjs", "mock.test.mjs"];
// What belongs to a real box is left out: the mock has no broker.
const { CONFIG: _config, MQTT_PORT: _port, ...rest } = process.env;
const env = { ...rest, BASE_URL: address, USER_NAME: "owner", PASSWORD: "letmein" };
// One file after the other: they share the mock, and one of them changes its mode.
for (const file of tests) {
  const run = spawn(process.execPath, ["--test", file], { cwd: here, stdio: "inherit", env });
  const code = await new Promise((done) => run.on("exit", done));
  if (code !== 0) process.exitCode = code ?? 1;
}
mock.kill();
