// A node to be: its name for people, its id for ever, its place.
import { useId, useState } from "preact/hooks";
import { add_node, type Failure } from "../api/client";
import type { NodeInfo } from "../api/types";
import { id_of, id_wrong } from "../lib/node_id";
import { show_given } from "../state/given";
import { house } from "../state/house";
import { refusal_of } from "../state/loaded";
import { words } from "../words";
import { Field, Refusal } from "./form";

const text = words.settings;
export const label_chars_max = 64;

export const places_of = (nodes: NodeInfo[]): string[] => [...new Set(nodes.map((node) => node.place.trim()).filter(Boolean))].sort();

export function Places({ id, nodes }: { id: string; nodes: NodeInfo[] }) {
  return <datalist id={id}>{places_of(nodes).map((place) => <option key={place} value={place} />)}</datalist>;
}

export function NodeAdd({ nodes, done }: { nodes: NodeInfo[]; done(): void }) {
  const [name, set_name] = useState(""), [place, set_place] = useState("");
  const [own_id, set_id] = useState<string | null>(null);  // null: as the name proposes
  const [tried, set_tried] = useState(false), [busy, set_busy] = useState(false);
  const [failure, set_failure] = useState<Failure | null>(null);
  const places = useId();
  const id = own_id ?? id_of(name);
  const wrong = id_wrong(id, nodes.map((node) => node.id));
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    set_tried(true);
    if (wrong || busy) return;
    set_busy(true);
    const answer = await add_node(id, name.trim(), place.trim());
    set_busy(false);
    set_failure(refusal_of(answer));
    if (!answer.ok) return;
    show_given(answer.data, false);
    void house.load();
    done();
  };
  return (
    <form class="al-card al-form" aria-label={text.add_node} onSubmit={(event) => void submit(event)} noValidate>
      <Field label={text.name} value={name} change={set_name} hint={text.name_hint} max={label_chars_max} focus />
      <Field label={text.id} value={id} change={set_id} hint={text.id_hint} wrong={tried || own_id !== null ? wrong : ""} exact />
      <Field label={text.place} value={place} change={set_place} hint={text.place_hint} max={label_chars_max} list={places} />
      <Places id={places} nodes={nodes} />
      <Refusal failure={failure} />
      <div class="al-together">
        <button type="submit" class="al-button" data-main="" disabled={busy}>{busy ? text.proving : text.add_node}</button>
        <button type="button" class="al-button" disabled={busy} onClick={done}>{text.cancel}</button>
      </div>
    </form>
  );
}
