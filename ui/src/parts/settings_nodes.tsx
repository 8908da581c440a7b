// The nodes, to be added, renamed, given another password, taken out. Each row opens for its own changes, one at a time.
import { useId, useState } from "preact/hooks";
import { remove_node, rename_node, rotate_node, type Answer, type Failure } from "../api/client";
import type { NodeInfo } from "../api/types";
import { node_label } from "../lib/format";
import { presence_word } from "../lib/freshness";
import { given, put_away, show_given } from "../state/given";
import { house } from "../state/house";
import { box_now } from "../state/link";
import { refusal_of } from "../state/loaded";
import { words } from "../words";
import { Field, Question, Refusal } from "./form";
import { label_chars_max, NodeAdd, Places } from "./node_add";
import { NodeGiven } from "./node_given";
import { NodeReplace } from "./node_replace";
import { Empty, FailureBox, Loading } from "./states";

const text = words.settings;

// One change at a time, with its refusal.
function use_change(): { busy: boolean; failure: Failure | null; run<T>(ask: () => Promise<Answer<T>>, done: (data: T) => void): void } {
  const [busy, set_busy] = useState(false);
  const [failure, set_failure] = useState<Failure | null>(null);
  return {
    busy, failure,
    run(ask, done) {
      set_busy(true);
      void ask().then((answer) => {
        set_busy(false);
        set_failure(refusal_of(answer));
        if (answer.ok) done(answer.data);
        void house.load();
      });
    },
  };
}

type Asking = "rotate" | "remove" | "replace" | "meter" | null;
interface EditProps { node: NodeInfo; nodes: NodeInfo[]; done(said: string): void }

function Edit({ node, nodes, done }: EditProps) {
  const own_name = node.name === node.id ? "" : node.name;  // the box says the id where there is no name
  const [name, set_name] = useState(own_name), [place, set_place] = useState(node.place);
  const [asking, ask] = useState<Asking>(null);
  const { busy, failure, run } = use_change();
  const places = useId();
  const label = node_label(node);
  const save = (event: SubmitEvent): void => {
    event.preventDefault();
    run(() => rename_node(node.id, name.trim(), place.trim()), () => done(text.saved(name.trim() || node.id)));
  };
  const rotate = (): void => run(() => rotate_node(node.id), (login) => { show_given(login, true); done(""); });
  const remove = (): void => run(() => remove_node(node.id), () => { put_away(node.id); done(text.removed(label)); });
  return (
    <div class="al-edit">
      <form class="al-pair" onSubmit={save}>
        <Field label={text.name} value={name} change={set_name} max={label_chars_max} placeholder={node.id} />
        <Field label={text.place} value={place} change={set_place} max={label_chars_max} list={places} />
        <Places id={places} nodes={nodes} />
        <button type="submit" class="al-button" data-main="" disabled={busy || (name === own_name && place === node.place)}>{text.save}</button>
      </form>
      <Refusal failure={failure} />
      {asking === "rotate" && <Question what={text.rotate_what(label)} why={text.rotate_why} yes={text.rotate_yes} no={text.rotate_no} busy={busy} answer={(yes) => (yes ? rotate() : ask(null))} />}
      {asking === "remove" && <Question what={text.remove_what(label)} why={text.remove_why} yes={text.remove_yes} no={text.remove_no} busy={busy} answer={(yes) => (yes ? remove() : ask(null))} />}
      {(asking === "replace" || asking === "meter") && <NodeReplace key={asking} node={node} meter={asking === "meter"} done={done} cancel={() => ask(null)} />}
      {asking === null && (
        <div class="al-together">
          <button type="button" class="al-button" onClick={() => ask("rotate")}>{text.rotate}</button>
          <button type="button" class="al-button" onClick={() => ask("replace")}>{text.replace}</button>
          <button type="button" class="al-button" onClick={() => ask("meter")}>{text.meter}</button>
          <button type="button" class="al-button" onClick={() => ask("remove")}>{text.remove}</button>
        </div>
      )}
    </div>
  );
}

interface RowProps extends EditProps { open: boolean; admin: boolean; toggle(): void }

function Row({ node, nodes, open, admin, toggle, done }: RowProps) {
  const label = node_label(node);
  const state = presence_word(node, box_now.value) || words.presence.online;
  return (
    <li data-node={node.id}>
      <div class="al-item">
        <div>
          <h3>{label}{label !== node.id && <span class="al-id"> {node.id}</span>}</h3>
          <p class="al-soft">{[node.place.trim(), state].filter(Boolean).join(" · ")}</p>
        </div>
        {admin && <button type="button" class="al-button" aria-expanded={open} onClick={toggle}>{open ? text.close : text.change}<span class="al-hidden"> {label}</span></button>}
      </div>
      {open && <Edit node={node} nodes={nodes} done={done} />}
    </li>
  );
}

function List({ nodes, admin }: { nodes: NodeInfo[]; admin: boolean }) {
  const [open, set_open] = useState<string | null>(null);
  const [said, say] = useState("");
  const done = (what: string): void => { set_open(null); say(what); };
  return (
    <>
      <p class="al-said" role="status">{said}</p>
      {nodes.length > 0 && (
        <ul class="al-card al-items">
          {nodes.map((node) => <Row key={node.id} node={node} nodes={nodes} admin={admin} open={open === node.id} toggle={() => { say(""); set_open(open === node.id ? null : node.id); }} done={done} />)}
        </ul>
      )}
    </>
  );
}

export function SettingsNodes({ admin }: { admin: boolean }) {
  const [adding, add] = useState(false);
  const view = house.view.value;
  const nodes = view.state === "ready" ? view.data.nodes : [];
  return (
    <section class="al-section">
      <div class="al-bar">
        <h2>{text.nodes}</h2>
        {admin && view.state === "ready" && !adding && <button type="button" class="al-button" data-main={nodes.length === 0 ? "" : undefined} onClick={() => add(true)}>{text.add_node}</button>}
      </div>
      {adding && <NodeAdd nodes={nodes} done={() => add(false)} />}
      {given.value.map((one) => <NodeGiven key={one.login.id} shown={one} />)}
      {view.state === "loading" && <Loading />}
      {view.state === "failed" && <FailureBox failure={view.failure} retry={() => void house.load()} />}
      {view.state === "ready" && nodes.length === 0 && !adding && given.value.length === 0 && <Empty what={words.overview.empty.what} next={admin ? text.none_next : text.ask_admin} />}
      <List nodes={nodes} admin={admin} />
    </section>
  );
}
