// The box itself: is it healthy, has it room, what time does it think it is, can it be restored.
import { useEffect } from "preact/hooks";
import { get_system } from "../api/client";
import { minute } from "../lib/time";
import { runbook_link } from "../lib/view";
import { Backups } from "../parts/backups";
import { BoxButtons } from "../parts/box_buttons";
import { BoxFacts } from "../parts/box_facts";
import { Health } from "../parts/health";
import { Starts } from "../parts/starts";
import { UpgradeFacts } from "../parts/upgrade";
import { FailureBox, Loading } from "../parts/states";
import { house } from "../state/house";
import { on_refresh, session } from "../state/link";
import { resource } from "../state/loaded";
import { words } from "../words";

const text = words.system;
const system = resource(get_system);

export function SystemPage() {
  const trusted = house.view.value.state === "ready" && house.view.value.data.clock_trusted;
  useEffect(() => { void system.load(); }, [trusted]);  // the clock was set, here or elsewhere
  useEffect(() => {
    const timer = setInterval(() => void system.load(), minute);
    const stop = on_refresh(() => void system.load());
    return () => { clearInterval(timer); stop(); };
  }, []);
  const view = system.view.value, who = session.value;
  return (
    <>
      <div class="al-sentence al-bar"><h1>{text.title}</h1><a class="al-link" href={runbook_link()}>{words.runbook.title}</a></div>
      {view.state === "loading" && <Loading />}
      {view.state === "failed" && <FailureBox failure={view.failure} retry={() => void system.load()} />}
      {view.state === "ready" && <><Health health={view.data.health} /><BoxFacts system={view.data} /><Starts starts={view.data.starts} /></>}
      <Backups />
      {view.state === "ready" && who.state === "in" && who.session.admin && <><UpgradeFacts upgrade={view.data.upgrade} /><BoxButtons can={view.data.can} /></>}
    </>
  );
}
