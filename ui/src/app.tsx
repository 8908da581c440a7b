// The frame around every page: top line or bottom tabs, the unreachable line, the foot.
import { useEffect } from "preact/hooks";
import { moment, offset_text, span, stamp } from "./lib/time";
import { ExplorePage } from "./pages/explore";
import { LoginPage } from "./pages/login";
import { NodePage } from "./pages/node";
import { NodesPage } from "./pages/nodes";
import { OverviewPage } from "./pages/overview";
import { RunbookPage } from "./pages/runbook";
import { SettingsPage } from "./pages/settings";
import { SystemPage } from "./pages/system";
import { FailureBox, Loading } from "./parts/states";
import { box_now, session, sign_out, unreachable_since, zone } from "./state/link";
import { house } from "./state/house";
import { route } from "./state/route";
import { words } from "./words";

const tabs = [
  { page: "overview", href: "#/", text: words.nav.overview },
  { page: "explore", href: "#/explore", text: words.nav.explore },
  { page: "nodes", href: "#/nodes", text: words.nav.nodes },
  { page: "system", href: "#/system", text: words.nav.system },
  { page: "settings", href: "#/settings", text: words.nav.settings },
] as const;

function Nav() {
  const at = route.value.page;
  const here = at === "node" ? "nodes" : at === "runbook" ? "system" : at;
  return (
    <nav class="al-nav" aria-label={words.nav.label}>
      {tabs.map((tab) => <a key={tab.page} href={tab.href} aria-current={tab.page === here ? "page" : undefined}>{tab.text}</a>)}
    </nav>
  );
}

function Unreachable() {
  const since = unreachable_since.value;
  const text = since === null ? "" : words.unreachable(stamp(since, zone.value, box_now.value), span(box_now.value - since));
  return <div role="status" class="al-line" data-on={since !== null ? "" : undefined}>{text}</div>;
}

// Damage is told on every page; the first one tells the rest.
const damage = new Set(["damaged", "salvaged", "damaged_history"]);
function Damage() {
  const view = house.view.value;
  const found = route.value.page !== "overview" && view.state === "ready" ? view.data.findings.find((one) => damage.has(one.id)) : undefined;
  return <div role="status" class="al-line" data-on={found ? "" : undefined}>{found && <a href="#/">{found.what}</a>}</div>;
}

function Page() {
  const at = route.value;
  switch (at.page) {
    case "overview": return <OverviewPage />;
    case "nodes": return <NodesPage />;
    case "system": return <SystemPage />;
    case "settings": return <SettingsPage />;
    case "runbook": return <RunbookPage at={at.at} />;
    case "node": return <NodePage key={at.id} id={at.id} />;
    case "explore": return <ExplorePage view={at.view} />;
  }
}

function Foot({ user, version }: { user: string; version: string }) {
  return (
    <footer class="al-foot">
      <span>Alona {version}</span>
      <span>{words.login.as(user)}</span>
      <button type="button" class="al-quiet" onClick={() => void sign_out().then(() => house.forget())}>{words.login.out}</button>
    </footer>
  );
}

// Ages and the clock tick by the minute, read aloud by nobody.
function BoxTime() {
  return <time class="al-clock" title={`${zone.value}, UTC${offset_text(box_now.value, zone.value)}`}>{moment(box_now.value, zone.value)}</time>;
}

export function App() {
  const who = session.value;
  const site = who.state === "in" ? (house.view.value.state === "ready" ? house.view.value.data.site : who.session.site) : "Alona";
  useEffect(() => { document.title = site; }, [site]);
  switch (who.state) {
    case "asking": return <main class="al-alone"><Loading /></main>;
    case "failed": return <main class="al-alone"><FailureBox failure={who.failure} /></main>;
    case "out": return <LoginPage ended={who.ended} />;
    case "in": return (
      <div class="al-frame" data-unreachable={unreachable_since.value !== null ? "" : undefined}>
        <a class="al-skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>{words.nav.skip}</a>
        <header class="al-top"><strong class="al-site">{site || "Alona"}</strong><Nav /><BoxTime /></header>
        <Unreachable />
        <Damage />
        <main id="main" tabIndex={-1}><Page /></main>
        <Foot user={who.session.user} version={who.session.version} />
      </div>
    );
  }
}
