// The page's own rules, checked: node strings are text and never markup, nothing is loaded from elsewhere, no inline style
// (the CSP forbids it), one place fetches, colours live in tokens.css alone.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { files_below } from "./files.mjs";

const src = join(dirname(fileURLToPath(import.meta.url)), "src");
const lines_max = 250;
const rules = [
  { what: "markup from strings", why: "a node's name could be a script", pattern: /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/ },
  { what: "an address of elsewhere", why: "the page must work without the internet", pattern: /https?:\/\/(?!www\.w3\.org\/2000\/svg)/ },
  { what: "an inline style", why: "the CSP refuses it; use a class", pattern: /\sstyle=["'{]/ },
  { what: "a fetch outside api/client.ts", why: "what arrives is checked there", pattern: /\bfetch\(|XMLHttpRequest/, except: ["api/client.ts"] },
  { what: "an EventSource outside api/live.ts", why: "what arrives is checked there", pattern: /new EventSource/, except: ["api/live.ts"] },
  { what: "a colour outside style/tokens.css", why: "dark and light would come apart", pattern: /#[0-9a-f]{6}\b|rgba?\(/i, except: ["style/tokens.css", "favicon.svg", "index.html"] },
];

let found = 0;
const complain = (where, text) => { found += 1; console.error(`${where}: ${text}`); };
for (const name of files_below(src)) {
  if (!/\.(tsx?|css|html|svg)$/.test(name) || /\.test\.tsx?$/.test(name)) continue;
  const lines = readFileSync(join(src, name), "utf8").split("\n");
  if (lines.length > lines_max) complain(name, `${lines.length} lines, at most ${lines_max}: split it`);
  lines.forEach((line, i) => {
    for (const rule of rules) {
      if (rule.pattern.test(line) && !rule.except?.includes(name)) complain(`${name}:${i + 1}`, `${rule.what}: ${rule.why}`);
    }
  });
}
if (found > 0) process.exit(1);
console.log("page lint: clean");
