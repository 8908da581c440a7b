// What only the mock can be made to do: be empty, busy, away, end a session, and carry hostile names.
import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { base, enter, not_signed_in, sign_in, watched_page, with_browser } from "./browser.mjs";

const mode = async (name) => { assert.equal((await fetch(`${base}/mock?mode=${name}`)).status, 200); };
const shot = async (page, name) => { if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true }); };

beforeEach(() => mode("normal"));
after(() => mode("normal"));

test("hostile names are text", async () => {
  await with_browser({}, async (context) => {
    const { page, complaints } = await watched_page(context, not_signed_in);
    await enter(page);
    await page.getByText("<img src=x").first().waitFor();
    await page.goto(`${base}/#/nodes/north-wall`);
    await page.locator("main h1").filter({ hasText: "<img src=x" }).waitFor();
    assert.equal(await page.locator("main img").count(), 0);
    assert.deepEqual(complaints, []);
  });
});

test("an empty box says how to begin, on every page", async () => {
  await mode("empty");
  await with_browser({}, async (context) => {
    const { page } = await watched_page(context, not_signed_in);
    await enter(page);
    for (const link of ["#/", "#/nodes", "#/explore"]) {
      await page.goto(`${base}/${link}`);
      await page.locator("code").filter({ hasText: "alona node add" }).waitFor();
    }
    await page.goto(`${base}/#/`);
    await shot(page, "empty");
  });
});

test("an empty box has no backups yet, one that is under way has a bar, and a box that restarts meanwhile is told", async () => {
  await mode("empty");
  await with_browser({ viewport: { width: 390, height: 844 } }, async (context) => {
    const { page } = await watched_page(context, () => true);
    await enter(page);
    await page.goto(`${base}/#/system`);
    await page.getByText("No backups yet.").waitFor();
    await shot(page, "backups-empty");
    await mode("normal");
    await page.reload();
    await page.getByRole("button", { name: "Back up now" }).click();
    await page.locator(".al-running progress[value]").waitFor();
    assert.ok(await page.getByRole("button", { name: "Back up now" }).isDisabled());
    await shot(page, "backups-running");
    await mode("restart");
    await page.getByText("The box has restarted meanwhile").waitFor();
    await mode("failing");
    await page.getByRole("button", { name: "Back up now" }).click();
    await page.getByRole("alert").filter({ hasText: "The backup failed" }).waitFor();
    await shot(page, "backups-failed");
  });
});

test("a box whose checks are all well says so, one that was never checked says how", async () => {
  await mode("well");
  await with_browser({ viewport: { width: 390, height: 844 } }, async (context) => {
    const { page } = await watched_page(context, not_signed_in);
    await enter(page);
    await page.goto(`${base}/#/system`);
    await page.getByText("Every check is well.").waitFor();
    await page.getByText("8 years more").waitFor();
    await shot(page, "system-well");
    await mode("empty");
    await page.reload();
    await page.getByText("No round of checks yet.").waitFor();
    await page.locator("code").filter({ hasText: "alona health" }).waitFor();
    await shot(page, "system-empty");
    await page.goto(`${base}/#/settings`);
    await page.getByText("Add the first one").waitFor();
    await shot(page, "settings-empty");
  });
});

test("what a check says is text, and its commands are set as such", async () => {
  await with_browser({}, async (context) => {
    const { page, complaints } = await watched_page(context, not_signed_in);
    await enter(page);
    await page.goto(`${base}/#/system`);
    const check = page.locator("li[data-check=room]");
    await check.getByText("<img src=x").waitFor();
    await check.locator("code").filter({ hasText: "alona status" }).waitFor();
    assert.equal(await page.locator("main img").count(), 0);
    await check.getByRole("link", { name: "What to do" }).click();
    await page.getByRole("heading", { name: "Room on the disk" }).waitFor();
    assert.deepEqual(complaints, []);
  });
});

test("who may only look sees the nodes, and nothing to change", async () => {
  await mode("guest");
  await with_browser({}, async (context) => {
    const { page, complaints } = await watched_page(context, not_signed_in);
    await enter(page);
    await page.goto(`${base}/#/settings`);
    await page.getByText("Only an admin may change something here.").waitFor();
    await page.locator("li[data-node=well]").waitFor();
    assert.equal(await page.locator("main button").count(), 0);
    assert.equal(await page.getByText("Who may sign in").count(), 0);
    assert.deepEqual(complaints, []);
  });
});

test("a session that ends before a change asks for the login", async () => {
  await with_browser({}, async (context) => {
    const { page } = await watched_page(context, () => true);
    await enter(page);
    await page.goto(`${base}/#/settings`);
    await page.getByRole("button", { name: "Add a user" }).click();
    await page.getByLabel("Name").fill("bea");
    await page.getByLabel("Password", { exact: true }).fill("three small words");
    await mode("ended");
    await page.getByRole("button", { name: "Add a user" }).click();
    await page.getByText("Your session has ended").waitFor();
  });
});

test("five tabs fit the narrowest phone", async () => {
  await with_browser({ viewport: { width: 320, height: 568 } }, async (context) => {
    const { page } = await watched_page(context, not_signed_in);
    await enter(page);
    for (const link of ["#/", "#/settings", "#/system", "#/runbook/clock"]) {
      await page.goto(`${base}/${link}`);
      await page.locator("main h1").first().waitFor();
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${link} scrolls sideways`);
      assert.ok(await page.evaluate(() => [...document.querySelectorAll(".al-nav a")].every((tab) => tab.getBoundingClientRect().right <= innerWidth)), "a tab is cut off");
    }
    await shot(page, "narrow");
  });
});

test("a node that can't be added now says why, and nothing typed is lost", async () => {
  await with_browser({}, async (context) => {
    const { page } = await watched_page(context, () => true);
    await enter(page);
    await page.goto(`${base}/#/settings`);
    await page.getByRole("button", { name: "Add a node" }).click();
    await page.getByRole("button", { name: "Add a node" }).click();
    await page.getByText("An id is needed.").waitFor();
    await page.getByLabel("Id").fill("well");
    await page.getByText("There is a node of this id already.").waitFor();
    await page.getByLabel("Id").fill("busy");
    await page.getByRole("button", { name: "Add a node" }).click();
    await page.getByRole("alert").filter({ hasText: "The box is busy" }).waitFor();
    assert.equal(await page.getByLabel("Id").inputValue(), "busy");
    await page.getByLabel("Id").fill("slow");
    await page.getByRole("button", { name: "Add a node" }).click();
    await page.getByRole("alert").filter({ hasText: "Not seen to work yet: the broker still uses its old password file." }).waitFor();
    await shot(page, "settings-unproven");
  });
});

test("a box that doesn't know the time shows both and takes this device's", async () => {
  await mode("clock");
  await with_browser({}, async (context) => {
    const { page, complaints } = await watched_page(context, not_signed_in);
    await enter(page);
    const both = page.getByText(/The box says .* This device says/);
    await both.waitFor();
    await shot(page, "clock");
    await page.goto(`${base}/#/system`);
    await page.getByRole("region", { name: "Clock" }).getByText("The time is not sure.").waitFor();
    await page.getByRole("region", { name: "Clock" }).getByText(/The box says .* This device says/).waitFor();
    await shot(page, "system-clock");
    await page.goto(`${base}/#/`);
    await page.getByRole("button", { name: "Use this device's time" }).click();
    await both.waitFor({ state: "detached" });
    assert.deepEqual(complaints, []);
  });
});

test("a refusal is shown with its reason, and trying again heals it", async () => {
  await mode("error");
  await with_browser({}, async (context) => {
    const { page } = await watched_page(context, () => true);
    await sign_in(page);
    const told = page.getByRole("alert");
    await told.waitFor();
    assert.match(await told.innerText(), /being checked/);
    await shot(page, "error");
    await mode("normal");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator("article.al-node").first().waitFor();
  });
});

test("a box that falls silent is noticed, keeps its last picture, and comes back by itself", async () => {
  await with_browser({}, async (context) => {
    const { page } = await watched_page(context, () => true);
    await enter(page);
    await page.locator("article.al-node").first().waitFor();
    await mode("unreachable");
    const began = Date.now();
    await page.locator(".al-frame[data-unreachable]").waitFor();
    console.log(`# noticed after ${((Date.now() - began) / 1000).toFixed(1)} s`);
    assert.match(await page.locator(".al-line[data-on]").innerText(), /has not answered since/);
    assert.ok(await page.locator("article.al-node").count() > 0);
    await shot(page, "unreachable");
    await mode("normal");
    await page.locator(".al-frame:not([data-unreachable])").waitFor();
  });
});

test("an ended session asks for the login and goes on where it was", async () => {
  await with_browser({}, async (context) => {
    const { page } = await watched_page(context, () => true);
    await enter(page);
    await page.goto(`${base}/#/nodes/well`);
    await page.locator("main h1").filter({ hasText: "Well" }).waitFor();
    await mode("ended");
    await page.getByText("Your session has ended").waitFor();
    await shot(page, "login");
    await page.getByLabel("Name").fill("owner");
    await page.getByLabel("Password").fill("letmein");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator("main h1").filter({ hasText: "Well" }).waitFor();
  });
});

test("the Alona of a stick is installed by the page, and how it ended stands there afterwards", async () => {
  for (const [name, viewport] of [["phone", { width: 390, height: 844 }], ["wide", { width: 1440, height: 900 }]]) {
    for (const colorScheme of ["light", "dark"]) {
      await with_browser({ viewport, colorScheme }, async (context) => {
        const { page, complaints } = await watched_page(context, not_signed_in);
        await enter(page);
        await page.goto(`${base}/#/system`);
        const part = page.locator("[data-part=upgrade]");
        await part.getByText("Alona 0.1.1 is on the stick.").waitFor();
        await part.getByRole("button", { name: "Install it" }).click();
        await part.getByText("Unless the box turns well with it, all goes back by itself.").waitFor();
        await shot(page, `upgrade-ask-${name}-${colorScheme}`);
        await part.getByRole("button", { name: "No" }).click();
        await part.getByRole("button", { name: "Go back to it" }).click();
        await part.getByRole("button", { name: "Go back" }).click();
        await part.getByRole("status").getByText("says afterwards how it went").waitFor();
        await page.reload();
        await part.getByText(/^Going back came to nothing, /).waitFor();
        await part.getByText("Look at the journal.").waitFor();
        await shot(page, `upgrade-${name}-${colorScheme}`);
        assert.deepEqual(complaints, []);
      });
    }
  }
});
