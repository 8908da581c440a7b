// Chromium for the tests: fresh each time, quiet, and watched: console errors and CSP violations are findings.
import { chromium } from "playwright-core";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export const wait_ms_max = 30_000;  // the machine may be busy; passing never takes this long
export const base = (process.env.BASE_URL ?? "").replace(/\/$/, "");
export const account = { user: process.env.USER_NAME ?? process.env.USER ?? "", password: process.env.PASSWORD ?? "" };

// use(context): a browser of its own, gone afterwards.
export async function with_browser(options, use) {
  const profile = mkdtempSync(join(tmpdir(), "alona-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: quiet, viewport: { width: 1440, height: 900 }, ...options,
  });
  context.setDefaultTimeout(wait_ms_max);
  try {
    return await use(context);
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

// A page whose complaints are collected. A refused login and a box that is away are the browser's to mention, not faults:
// expected(text) names them.
export async function watched_page(context, expected = () => false) {
  const page = context.pages()[0] ?? await context.newPage();
  const complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error" && !expected(`${message.text()} ${message.location().url}`)) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => { complaints.push(`dialog: ${dialog.message()}`); void dialog.dismiss(); });
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
  });
  return { page, complaints };
}

export const not_signed_in = (text) => /401/.test(text) && /\/api\/v1\/session/.test(text);

export async function sign_in(page, { user, password } = account) {
  await page.goto(`${base}/`);
  await page.getByLabel("Name").fill(user);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

// Signed in and the overview drawn.
export async function enter(page) {
  await sign_in(page);
  await page.locator("main h1").first().waitFor();
}

// What keeps somebody from using the page as it is now.
export async function findings_of(page) {
  await page.evaluate(axe);
  const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return result.violations.filter((v) => v.impact === "serious" || v.impact === "critical").map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).slice(0, 4).join(", ")}`);
}
