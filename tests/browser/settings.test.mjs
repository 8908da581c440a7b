// Settings, System and Runbook in a real browser. Against a box (CONFIG, MQTT_PORT, ALONA as in live.test.mjs) a node really
// comes with the login that the page showed; the mock plays that itself.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { test } from "node:test";
import { account, base, enter, findings_of, not_signed_in, watched_page, with_browser } from "./browser.mjs";

const config = process.env.CONFIG, mqtt_port = process.env.MQTT_PORT;
const phone = { viewport: { width: 390, height: 844 } };
const shot = async (page, name) => { if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}${config ? "" : "-mock"}.png`, fullPage: true }); };
const value = (page, name) => page.locator(".al-rows > div").filter({ has: page.locator("dt", { hasText: new RegExp(`^${name}$`) }) }).locator("code").innerText();

// One reading, as the node itself would send it. What mosquitto_pub ends with: 0, or 5 where the broker refuses.
function speak(id, password) {
  if (!mqtt_port) return null;
  const said = ["-h", "127.0.0.1", "-p", mqtt_port, "-u", id, "-P", password, "-i", id, "-q", "1", "-t", `alona/${id}/telemetry/t`, "-m", '{"v":1,"sensor":"t","value":7,"unit":"C"}'];
  return spawnSync("mosquitto_pub", said, { encoding: "utf8" }).status;
}

async function open_settings(page) {
  await enter(page);
  await page.goto(`${base}/#/settings`);
  await page.locator("li[data-user]").first().waitFor();
}

test("a node from its name to its first message, with another password, under another name, and gone", async () => {
  await with_browser(phone, async (context) => {
    const { page, complaints } = await watched_page(context, not_signed_in);
    await open_settings(page);
    await page.getByRole("button", { name: "Add a node" }).click();
    assert.equal(await page.getByLabel("Name").evaluate((field) => field === document.activeElement), true);
    await page.getByLabel("Name").fill("Dach über uns");
    assert.equal(await page.getByLabel("Id").inputValue(), "dach-uber-uns", "the name proposes the id");
    await page.getByLabel("Id").fill("Roof Top");
    await page.getByText("Only small letters").waitFor();
    await page.getByLabel("Id").fill("rooftop");
    await page.getByLabel("Place").fill("Attic");
    await page.getByRole("button", { name: "Add a node" }).click();

    await page.getByRole("heading", { name: "The login of rooftop" }).waitFor();
    const first = await value(page, "Password");
    assert.match(first, /^[0-9a-f]{32}$/);
    assert.equal(await value(page, "User"), "rooftop");
    // A machine without avahi has no name on its LAN, and none is made up.
    const named = await page.locator("dt", { hasText: "The box, by name" }).count();
    if (!config) assert.equal(named, 1);
    if (named > 0) assert.match(await value(page, "The box, by name"), /\.local$/);
    await page.getByRole("img", { name: "QR code of this login" }).waitFor();
    await page.getByText("Waiting for its first message.").waitFor();
    assert.equal(await page.locator("li[data-node=rooftop] .al-soft").innerText(), "Attic · never heard");
    await page.locator("summary", { hasText: "NVS as CSV" }).click();
    assert.match(await page.getByLabel("NVS as CSV", { exact: true }).innerText(), new RegExp(`^key,type,encoding,value\nalona,namespace,,\nnode_id,data,string,rooftop\n(name,data,string,[^\n]*\\.local\n)?host,data[^]*password,data,string,${first}\n`));
    assert.deepEqual(await findings_of(page), [], "a login");
    await shot(page, "settings-given");

    // Looking elsewhere doesn't lose it.
    await page.getByRole("link", { name: "Nodes", exact: true }).click();
    await page.locator("tr[data-node=rooftop]").waitFor();
    await page.getByRole("link", { name: "Settings", exact: true }).click();
    assert.equal(await value(page, "Password"), first);

    assert.equal(speak("rooftop", first) ?? 0, 0, "the login that was shown is one");
    await page.locator(".al-waiting[data-seen]").getByText(/Seen, \d+ s ago/).waitFor();
    await shot(page, "settings-seen");
    await page.getByRole("button", { name: "Put away" }).click();
    assert.equal(await page.getByText(first).count(), 0);

    const row = page.locator("li[data-node=rooftop]");
    await row.getByRole("button", { name: "Change" }).click();
    await row.getByLabel("Name").fill("Ridge");
    await row.getByRole("button", { name: "Save" }).click();
    await row.getByRole("heading", { name: "Ridge" }).waitFor();

    await row.getByRole("button", { name: "Change" }).click();
    await row.getByRole("button", { name: "New password" }).click();
    await row.getByText("the node is disconnected").waitFor();
    assert.equal(await row.getByRole("button", { name: "Keep the old one" }).evaluate((button) => button === document.activeElement), true, "the question has the focus");
    await page.keyboard.press("Escape");
    await row.getByRole("button", { name: "New password" }).click();
    assert.deepEqual(await findings_of(page), [], "a question");
    await shot(page, "settings-rotate");
    await row.getByRole("button", { name: "Give it a new password" }).click();
    await page.getByRole("heading", { name: "The new login of rooftop" }).waitFor();
    const second = await value(page, "Password");
    assert.notEqual(second, first);
    if (mqtt_port) {
      await page.getByText("Waiting for it to come back with the new password.").waitFor();
      assert.notEqual(speak("rooftop", first), 0, "the old password has ended");
      assert.equal(speak("rooftop", second), 0);
    }
    await page.locator(".al-waiting[data-seen]").waitFor();
    await page.getByRole("button", { name: "Put away" }).click();

    await row.getByRole("button", { name: "Change" }).click();
    await row.getByRole("button", { name: "Remove" }).click();
    await row.getByText("Its history stays").waitFor();
    await row.getByRole("button", { name: "Remove" }).click();
    await page.getByText("Ridge is removed. Its history stays.").waitFor();
    await row.waitFor({ state: "detached" });
    assert.deepEqual(complaints, []);
  });
});

test("a device is replaced and its counter goes on; a new meter on the same device, and taken back", async () => {
  const id = config ? "counter" : "energy", label = config ? "counter" : "Energy";
  let password = "";
  const count = (value) => spawnSync("mosquitto_pub", ["-h", "127.0.0.1", "-p", mqtt_port, "-u", id, "-P", password, "-i", id, "-q", "1", "-t", `alona/${id}/telemetry/energy`, "-m", JSON.stringify({ v: 1, sensor: "energy", value, unit: "kWh" })], { encoding: "utf8" }).status;
  if (config) {
    password = JSON.parse(execFileSync(process.env.ALONA, ["node", "add", id, "--json", "--config", config], { encoding: "utf8" })).password;
    for (const value of [1234.2, 1234.5]) assert.equal(count(value), 0);
  }
  await with_browser(phone, async (context) => {
    const { page, complaints } = await watched_page(context, not_signed_in);
    await open_settings(page);
    const row = page.locator(`li[data-node=${id}]`), open = async (what) => { await row.getByRole("button", { name: /^Change/ }).click(); await row.getByRole("button", { name: what }).click(); };
    await open("Replace the device");
    await row.getByRole("heading", { name: `A new device for ${label}` }).waitFor();
    const energy = row.locator("[data-sensor=energy]");
    await energy.getByText("Stored last").waitFor();
    assert.equal(await energy.getByRole("checkbox").isChecked(), false, "the person says what counts");
    await energy.getByRole("checkbox").check();
    await energy.getByLabel("The new one begins at").fill("many");
    await row.getByRole("button", { name: "Replace it" }).click();
    await energy.getByText("A number, such as 1234.5.").waitFor();
    await energy.getByLabel("The new one begins at").fill("0,5");
    assert.deepEqual(await findings_of(page), [], "replacing");
    await shot(page, "settings-replace");
    await row.getByRole("button", { name: "Replace it" }).click();
    await page.getByRole("heading", { name: `The new login of ${id}` }).waitFor();
    if (config) {
      await page.getByText("Waiting for it to come back with the new password.").waitFor();  // the mock's goes on speaking
      assert.notEqual(count(1), 0, "the old device is out");
      password = await value(page, "Password");
      assert.equal(count(0.7), 0);
    }
    await page.locator(".al-waiting[data-seen]").waitFor();
    await page.getByRole("button", { name: "Put away" }).click();
    await open("New meter");
    await energy.getByText(/is added to each reading, since/).waitFor();
    if (config) assert.match(await energy.innerText(), /Stored last: 1234\.7 kWh[^]*1234 kWh is added/);
    assert.equal(await row.getByRole("button", { name: "Carry it on" }).isDisabled(), true, "nothing is ticked");
    await energy.getByRole("checkbox").check();
    await energy.getByLabel("The history goes on from").fill("2000");
    await shot(page, "settings-meter");
    await row.getByRole("button", { name: "Carry it on" }).click();
    await page.getByRole("status").getByText(`The counter of ${label} goes on.`).waitFor();
    await open("New meter");
    await energy.getByText(/^2,?000 kWh is added/).waitFor();
    await energy.getByRole("button", { name: /Take that back/ }).click();
    await page.getByRole("status").getByText(`${label}: the last change is taken back.`).waitFor();
    assert.deepEqual(complaints, []);
  });
});

test("what is copied is what stands there", async () => {
  await with_browser({ permissions: ["clipboard-read"] }, async (context) => {
    const { page } = await watched_page(context, not_signed_in);
    await open_settings(page);
    await page.getByRole("button", { name: "Add a node" }).click();
    await page.getByLabel("Id").fill("copied");
    await page.getByRole("button", { name: "Add a node" }).click();
    const password = await value(page, "Password");
    await page.getByRole("button", { name: "Add a node" }).click();
    assert.deepEqual(await findings_of(page), [], "the form beside a login");
    await page.getByLabel("Id").fill("second");
    await page.getByRole("button", { name: "Add a node" }).click();
    await page.getByRole("heading", { name: "The login of second" }).waitFor();
    await page.locator(".al-given").first().getByRole("button", { name: "Put away" }).click();
    assert.equal(await value(page, "Password"), password, "a second node's login doesn't push out the first's");
    await page.getByRole("button", { name: "Copy Password" }).click();
    await page.getByText("Copied.", { exact: true }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), password);
    await page.locator("summary", { hasText: "C header" }).click();
    const saved = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save alona_node.h" }).click();
    assert.equal((await saved).suggestedFilename(), "alona_node.h");
    for (const id of ["copied", "second"]) {
      const row = page.locator(`li[data-node=${id}]`);
      await row.getByRole("button", { name: "Change" }).click();
      await row.getByRole("button", { name: "Remove" }).click();
      await row.getByRole("button", { name: "Remove" }).click();
      await row.waitFor({ state: "detached" });
    }
    assert.equal(await page.locator(".al-given").count(), 0, "a login goes with its node");
  });
});

test("a user is added, given another password, and removed; one's own row offers no removing", async () => {
  await with_browser({}, async (context) => {
    const { page, complaints } = await watched_page(context, not_signed_in);
    await open_settings(page);
    await page.getByRole("button", { name: "Add a user" }).click();
    await page.getByLabel("Name").fill("Bea");
    await page.getByLabel("Password", { exact: true }).fill("short");
    await page.getByRole("button", { name: "Add a user" }).click();
    await page.getByText("1 to 32 small letters").waitFor();
    await page.getByText("At least 8 characters.", { exact: true }).waitFor();
    await page.getByLabel("Name").fill("bea");
    await page.getByLabel("Password", { exact: true }).fill("three small words");
    await page.getByRole("button", { name: "Add a user" }).click();
    await page.getByText("bea may sign in now.").waitFor();
    const row = page.locator("li[data-user=bea]");
    await row.getByRole("button", { name: "Change" }).click();
    await row.getByLabel("New password", { exact: true }).fill("three other words");
    await shot(page, "settings-user");
    await row.getByRole("button", { name: "Set the password" }).click();
    await page.getByText("bea has a new password.").waitFor();
    await row.getByRole("button", { name: "Change" }).click();
    await row.getByRole("button", { name: "Remove" }).click();
    await row.getByRole("button", { name: "Remove" }).click();
    await page.getByText("bea may no longer sign in.").waitFor();
    await row.waitFor({ state: "detached" });
    const mine = page.locator(`li[data-user="${account.user}"]`);
    await mine.getByRole("button", { name: "Change" }).click();
    await mine.getByText("You will be signed out everywhere").waitFor();
    assert.equal(await mine.getByRole("button", { name: "Remove" }).count(), 0);
    assert.deepEqual(complaints, []);
  });
});

test("the round of checks is on the page System, and what fails leads to its paragraph of the runbook", async () => {
  if (config) spawnSync(process.env.ALONA, ["health", "--config", config]);
  await with_browser({}, async (context) => {
    const { page, complaints } = await watched_page(context, not_signed_in);
    await enter(page);
    await page.goto(`${base}/#/system`);
    await page.locator(".al-health").getByText(/Last round: (now|\d min ago)/).waitFor();
    await page.getByText(/\d+ checks are well/).click();
    await page.locator(".al-well").getByText("The core").waitFor();
    for (const fact of ["Room on the disk", "Written to the disk", "Clock", "Versions"]) await page.getByRole("region", { name: fact, exact: true }).waitFor();
    assert.match(await page.getByRole("region", { name: "Versions" }).innerText(), /Alona \d[^]*SQLite\s+\d[^]*libmosquitto\s+\d/);
    if (config) assert.match(await page.getByRole("region", { name: "Versions" }).innerText(), new RegExp(JSON.parse(execFileSync(process.env.ALONA, ["version", "--json"], { encoding: "utf8" })).version.replaceAll(".", "\\.")));
    await page.getByRole("link", { name: "Runbook" }).click();
    await page.getByRole("navigation", { name: "Contents" }).getByRole("link", { name: "A silent node" }).click();
    const heading = page.locator("#runbook-silent");
    await page.locator("#runbook-silent:focus").waitFor();
    assert.ok(await heading.evaluate((element) => { const { top, bottom } = element.getBoundingClientRect(); return top >= 0 && bottom <= innerHeight; }), "it is in view");
    assert.equal(await page.locator(".al-nav a[aria-current]").innerText(), "System");
    await page.emulateMedia({ media: "print" });
    assert.ok(await page.locator(".al-nav").isHidden());
    await heading.waitFor();
    assert.deepEqual(complaints, []);
  });
});
