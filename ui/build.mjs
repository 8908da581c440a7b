// Bundles the page into dist/: index.html, app-HASH.js, app-HASH.css, favicon.svg. With --tests: the unit tests, into build/test/.
// Names carry a hash of their content, in the form by which the core knows that browsers may keep them for ever.
import { build } from "esbuild";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { files_below } from "./files.mjs";
import { parse } from "./markdown.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const first_view_gzip_bytes_max = 100 * 1024;  // drawn within a second on a Pi's Wi-Fi

// The runbook as data: a page that may not run markup from strings has nothing to make it from anyway.
const runbook = {
  name: "runbook",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^alona:runbook$/ }, ({ path }) => ({ path, namespace: "runbook" }));
    onLoad({ filter: /.*/, namespace: "runbook" }, () => ({ contents: JSON.stringify(parse(readFileSync(join(here, "../docs/runbook.md"), "utf8"))), loader: "json" }));
  },
};

const common = {
  absWorkingDir: here, bundle: true, write: false, logLevel: "warning", charset: "utf8",
  target: ["es2020"], jsx: "automatic", jsxImportSource: "preact", plugins: [runbook],
};

async function build_page() {
  const out = await build({
    ...common, entryPoints: ["src/main.tsx"], outdir: "dist", entryNames: "app-[hash]", minify: true, format: "iife", legalComments: "none",
  });
  const dist = join(here, "dist");
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist);
  const files = new Map();
  for (const file of out.outputFiles) {
    const kind = file.path.endsWith(".css") ? "css" : "js";
    files.set(kind, { name: basename(file.path), bytes: Buffer.from(file.contents) });
  }
  const html = readFileSync(join(here, "src/index.html"), "utf8")
    .replace("APP_JS", files.get("js").name).replace("APP_CSS", files.get("css").name);
  files.set("html", { name: "index.html", bytes: Buffer.from(html) });
  files.set("icon", { name: "favicon.svg", bytes: readFileSync(join(here, "src/favicon.svg")) });
  let total = 0;
  for (const { name, bytes } of files.values()) {
    writeFileSync(join(dist, name), bytes);
    const packed = gzipSync(bytes, { level: 9 }).length;
    total += packed;
    console.log(`${name.padEnd(20)} ${String(bytes.length).padStart(7)} bytes, ${packed} gzipped`);
  }
  console.log(`first view: ${(total / 1024).toFixed(1)} KB gzipped`);
  if (total > first_view_gzip_bytes_max) {
    console.error(`build: the first view is larger than ${first_view_gzip_bytes_max} bytes gzipped. Take something out.`);
    process.exit(1);
  }
}

async function build_tests() {
  const tests = files_below(join(here, "src")).filter((name) => /\.test\.tsx?$/.test(name)).sort();
  if (tests.length === 0) throw new Error("build: no *.test.ts below src/");
  const contents = tests.map((name) => `import "./${name}";`).join("\n");
  const out = await build({
    ...common, stdin: { contents, resolveDir: join(here, "src"), loader: "ts" }, platform: "node", format: "esm",
  });
  mkdirSync(join(here, "build/test"), { recursive: true });
  writeFileSync(join(here, "build/test/all.test.mjs"), out.outputFiles[0].contents);
}

await (process.argv.includes("--tests") ? build_tests() : build_page());
