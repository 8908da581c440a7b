// The page in a real browser, against any box: BASE_URL, USER_NAME (or USER), PASSWORD. Assumes at least one node that speaks and one
// that has fallen silent with a value (SILENT=0 in the environment where there is none).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { account, base, enter, findings_of, not_signed_in, sign_in, wait_ms_max, watched_page, with_browser } from "./browser.mjs";

const fresh = "article.al-node .al-value[data-age='fresh']";

test("BASE_URL, USER_NAME and PASSWORD are given", () => {
  assert.ok(base && account.user && account.password, "set BASE_URL, USER_NAME and PASSWORD");
});

test("a wrong password is refused with a reason, the right one enters", async () => {
  await with_browser({}, async (context) => {
    const { page, complaints } = await watched_page(context, not_signed_in);
    await sign_in(page, { user: account.user, password: `${account.password}x` });
    const told = page.getByRole("alert");
    await told.waitFor();
    assert.match(await told.innerText(), /wrong/i);
    await page.getByLabel("Password").fill(account.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator("article.al-node").first().waitFor();
    assert.deepEqual(complaints, []);
  });
});

test("a value changes without a reload", async () => {
  await with_browser({}, async (context) => {
    const { page, complaints } = await watched_page(context, not_signed_in);
    await enter(page);
    await page.evaluate(() => { window.not_reloaded = true; });
    await page.locator(fresh).first().waitFor();
    const before = await page.locator(fresh).allInnerTexts();
    await page.waitForFunction(([selector, texts]) => [...document.querySelectorAll(selector)].some((e, i) => e.innerText !== texts[i]), [fresh, before]);
    assert.equal(await page.evaluate(() => window.not_reloaded), true);
    assert.deepEqual(complaints, []);
  });
});

test("an old value looks old, in grey and in words", { skip: process.env.SILENT === "0" }, async () => {
  await with_browser({}, async (context) => {
    const { page } = await watched_page(context, not_signed_in);
    await enter(page);
    const card = page.locator("article.al-node[data-age='old']").filter({ has: page.locator(".al-value") }).first();
    await card.waitFor();
    assert.match(await card.locator("h3 .al-tag").innerText(), /silent|off/);
    assert.equal(await card.locator(".al-value[data-age='fresh']").count(), 0);
    assert.equal(await card.locator(".al-spark circle").count(), 0, "a dot at the end would say: now");
    assert.ok(await card.locator(".al-spark .al-grey").count() > 0, "a grey stretch after the last reading");
    const color = (locator) => locator.first().evaluate((e) => getComputedStyle(e).color);
    assert.notEqual(await color(card.locator(".al-figure")), await color(page.locator(`${fresh} .al-figure`)));
  });
});

const is_history = (request) => /\/series\/\d+\/history\?/.test(request.url());
const stretch = (request) => { const query = new URL(request.url()).searchParams; return Number(query.get("to")) - Number(query.get("from")); };

test("dragging across a chart asks the box again for the narrower stretch, and the link reopens it", async () => {
  await with_browser({}, async (context) => {
    const { page, complaints } = await watched_page(context, not_signed_in);
    await enter(page);
    const first = page.waitForRequest(is_history);
    await page.getByRole("link", { name: "Explore", exact: true }).click();
    const wide = stretch(await first);
    const plot = page.locator(".u-over").first();
    await plot.waitFor();
    const box = await plot.boundingBox();
    const narrower = page.waitForRequest((request) => is_history(request) && stretch(request) < wide * 0.5, { timeout: wait_ms_max });
    await page.mouse.move(box.x + box.width * 0.6, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.7, box.y + 40, { steps: 4 });
    await page.mouse.move(box.x + box.width * 0.8, box.y + 40, { steps: 4 });
    await page.mouse.up();
    const asked = stretch(await narrower);
    assert.ok(asked > wide * 0.1 && asked < wide * 0.3, `a fifth was dragged, ${asked / wide} of it asked for`);
    await page.waitForFunction(() => location.hash.includes("from="));
    const again = page.waitForRequest(is_history);
    await page.reload();
    assert.equal(stretch(await again), asked);
    assert.deepEqual(complaints, []);
  });
});

test("presets, stepping and the table ask for and show what they say", async () => {
  await with_browser({}, async (context) => {
    const { page } = await watched_page(context, not_signed_in);
    await enter(page);
    await page.goto(`${base}/#/explore`);
    await page.locator(".u-over").first().waitFor();
    const week = page.waitForRequest((request) => is_history(request) && Math.abs(stretch(request) - 7 * 864e5) < 6e4);
    await page.getByRole("button", { name: "Week" }).click();
    const to = Number(new URL((await week).url()).searchParams.get("to"));
    const earlier = page.waitForRequest((request) => is_history(request) && Number(new URL(request.url()).searchParams.get("to")) < to - 6 * 864e5);
    await page.getByRole("button", { name: "Earlier" }).click();
    await earlier;
    await page.getByRole("button", { name: "Day", exact: true }).click();
    await page.getByRole("button", { name: "As a table" }).click();
    await page.locator("main table tbody tr").first().waitFor();
    const saved = page.waitForEvent("download");
    await page.getByRole("button", { name: "CSV" }).click();
    const text = readFileSync(await (await saved).path(), "utf8");
    assert.match(text, /^time,unix_ms,node,sensor,unit,min,mean,max,readings\r\n\d{4}-/);
  });
});

test("a backup is made, followed, drilled, and then proven and taken away", async () => {
  await with_browser({ viewport: { width: 390, height: 844 } }, async (context) => {
    const { page, complaints } = await watched_page(context, not_signed_in);
    await enter(page);
    await page.goto(`${base}/#/system`);
    const now = page.getByRole("button", { name: "Back up now" });
    await now.waitFor();
    const known = await page.locator(".al-sets > li").evaluateAll((all) => all.map((one) => one.dataset.set));
    await now.click();
    await page.getByText("The backup is made").waitFor();
    const newest = page.locator(".al-sets > li").first();
    const name = await newest.getAttribute("data-set");
    assert.ok(!known.includes(name), "a new set stands first");
    assert.equal(await newest.getAttribute("data-state"), "verified");
    await newest.getByRole("button", { name: "Drill" }).click();
    await page.getByText("It is proven restorable").waitFor();
    assert.match(await page.locator(".al-proof h3").innerText(), /^Proven restorable: \d/);
    assert.equal(await page.locator(`li[data-set="${name}"]`).getAttribute("data-state"), "proven");
    const saved = page.waitForEvent("download");
    await newest.getByRole("link", { name: "Download" }).click();
    assert.equal((await saved).suggestedFilename(), name);
    assert.deepEqual(complaints, []);
  });
});

const pages = [
  ["overview", "#/", "article.al-node"], ["nodes", "#/nodes", "table a"], ["explore", "#/explore", ".u-over"], ["system", "#/system", ".al-backup-head"],
  ["settings", "#/settings", "li[data-user]"], ["runbook", "#/runbook/clock", "[data-chosen]"],
  ["node", async (page) => page.locator("article.al-node h3 a").first().getAttribute("href"), ".u-over"],
];

for (const colorScheme of ["light", "dark"]) {
  for (const width of [390, 1440]) {
    test(`every page at ${width} px, ${colorScheme}: no serious accessibility finding, nothing wider than the screen, no complaint`, async () => {
      await with_browser({ colorScheme, viewport: { width, height: 844 }, bypassCSP: false }, async (context) => {
        const { page, complaints } = await watched_page(context, not_signed_in);
        await page.goto(`${base}/`);
        await page.getByLabel("Password").waitFor();
        assert.deepEqual(await findings_of(page), [], "login");
        await enter(page);
        await page.locator("article.al-node").first().waitFor();
        const links = [];
        for (const [name, link, sign] of pages) links.push([name, typeof link === "string" ? link : await link(page), sign]);
        for (const [name, link, sign] of links) {
          await page.goto(`${base}/${link}`);
          await page.locator(sign).first().waitFor();
          assert.deepEqual(await findings_of(page), [], name);
          assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} scrolls sideways`);
          if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}-${width}-${colorScheme}.png`, fullPage: true });
        }
        assert.deepEqual(complaints, []);
      });
    });
  }
}
