// A new device in a node's place, or a new meter on the same device: which of its series count, and from which numbers they go
// on. Nothing is guessed: what looks like a counter is offered, and the person ticks it.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { change_counters, get_counters, replace_node, type Answer, type Failure } from "../api/client";
import type { CounterChange, CounterInfo, NodeCredentials, NodeInfo } from "../api/types";
import { change_of, number_wrong, type CounterWish } from "../lib/counters";
import { node_label, series_label, unit_text } from "../lib/format";
import { span } from "../lib/time";
import { show_given } from "../state/given";
import { box_now } from "../state/link";
import { refusal_of } from "../state/loaded";
import { words } from "../words";
import { Field, Refusal } from "./form";

const text = words.settings;
const ago = (t: number): string => words.age.ago(span(Math.max(0, box_now.value - t)));

interface CounterProps { info: CounterInfo; wish: CounterWish; tried: boolean; put(wish: CounterWish): void; undo: (() => void) | null; busy: boolean }

function Counter({ info, wish, tried, put, undo, busy }: CounterProps) {
  const unit = unit_text(info.unit);
  const wrong = (number: string): string => (tried ? number_wrong(number) : "");
  return (
    <div class="al-counter" data-sensor={info.sensor}>
      <label><input type="checkbox" checked={wish.counts} disabled={info.last === null} onChange={(event) => put({ ...wish, counts: event.currentTarget.checked })} /><span>{text.counts(series_label(info), unit)}</span></label>
      {info.last && <p class="al-soft">{text.counts_hint(`${info.last.value} ${unit}`, ago(info.last.t))}</p>}
      {wish.counts && (
        <div class="al-pair">
          <Field label={text.goes_on_from} value={wish.goes_on_from} change={(goes_on_from) => put({ ...wish, goes_on_from })} wrong={wrong(wish.goes_on_from)} exact />
          <Field label={text.begins_at} value={wish.begins_at} change={(begins_at) => put({ ...wish, begins_at })} wrong={wrong(wish.begins_at)} exact />
        </div>
      )}
      {info.changed !== null && <p class="al-soft">{text.added(String(info.base), unit, words.age.ago(span(Math.max(0, box_now.value - info.changed))))}</p>}
      {undo && info.undo && <div class="al-together"><button type="button" class="al-button" disabled={busy} onClick={undo}>{text.take_back}<span class="al-hidden"> {series_label(info)}</span></button></div>}
    </div>
  );
}

interface ListProps { infos: CounterInfo[]; wishes: Map<number, CounterWish>; tried: boolean; busy: boolean; put(series: number, wish: CounterWish): void; undo: ((info: CounterInfo) => void) | null }

function Counters({ infos, wishes, tried, busy, put, undo }: ListProps) {
  const row = (info: CounterInfo) => <Counter key={info.series} info={info} wish={wishes.get(info.series) ?? { counts: false, goes_on_from: "", begins_at: "0" }} tried={tried} busy={busy} put={(wish) => put(info.series, wish)} undo={undo ? () => undo(info) : null} />;
  const likely = infos.filter((info) => info.kind !== "" || info.changed !== null), others = infos.filter((info) => info.kind === "" && info.changed === null);
  if (infos.length === 0) return <p class="al-soft">{text.no_series}</p>;
  return (
    <>
      {likely.length > 0 ? <div>{likely.map(row)}</div> : <p class="al-soft">{text.none_counts}</p>}
      {others.length > 0 && <details class="al-fold"><summary>{text.other_series}</summary><div>{others.map(row)}</div></details>}
    </>
  );
}

interface ReplaceProps { node: NodeInfo; meter: boolean; done(said: string): void; cancel(): void }

export function NodeReplace({ node, meter, done, cancel }: ReplaceProps) {
  const [infos, set_infos] = useState<CounterInfo[] | null>(null);
  const [wishes, set_wishes] = useState(new Map<number, CounterWish>());
  const [failure, set_failure] = useState<Failure | null>(null);
  const [tried, set_tried] = useState(false), [busy, set_busy] = useState(false);
  const head = useRef<HTMLHeadingElement>(null), id = useId();
  const label = node_label(node);
  useEffect(() => {
    head.current?.focus();
    void get_counters(node.id).then((answer) => {
      set_failure(refusal_of(answer));
      if (!answer.ok) return;
      set_infos(answer.data);
      set_wishes(new Map(answer.data.map((info) => [info.series, { counts: false, goes_on_from: String(info.last?.value ?? ""), begins_at: "0" }])));
    });
  }, [node.id]);
  const changes: CounterChange[] = (infos ?? []).flatMap((info) => change_of(info, wishes.get(info.series)));
  const wrong = [...wishes.values()].some((wish) => wish.counts && (number_wrong(wish.goes_on_from) || number_wrong(wish.begins_at)));
  const finish = <T,>(answer: Answer<T>, then: (data: T) => void): void => {
    set_busy(false);
    set_failure(refusal_of(answer));
    if (answer.ok) then(answer.data);
  };
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    set_tried(true);
    if (wrong || busy || (meter && changes.length === 0)) return;
    set_busy(true);
    if (meter) finish(await change_counters(node.id, changes), () => done(text.meter_done(label)));
    else finish<NodeCredentials>(await replace_node(node.id, changes), (login) => { show_given(login, true); done(""); });
  };
  const undo = async (info: CounterInfo): Promise<void> => {
    set_busy(true);
    finish(await change_counters(node.id, [{ sensor: info.sensor, unit: info.unit, undo: true }]), () => done(text.meter_undone(label)));
  };
  return (
    <form class="al-note al-question al-form" aria-labelledby={id} onSubmit={(event) => void submit(event)} onKeyDown={(event) => { if (event.key === "Escape") cancel(); }} noValidate>
      <div><h3 id={id} ref={head} tabIndex={-1}>{meter ? text.meter_what(label) : text.replace_what(label)}</h3><p>{meter ? text.meter_why : text.replace_why}</p></div>
      {infos && <Counters infos={infos} wishes={wishes} tried={tried} busy={busy} put={(series, wish) => set_wishes(new Map(wishes).set(series, wish))} undo={meter ? (info) => void undo(info) : null} />}
      <Refusal failure={failure} />
      <div class="al-actions">
        <button type="button" class="al-button" disabled={busy} onClick={cancel}>{meter ? text.meter_no : text.replace_no}</button>
        <button type="submit" class="al-button" data-main="" disabled={busy || infos === null || (meter && changes.length === 0)}>{busy ? text.busy : meter ? text.meter_yes : text.replace_yes}</button>
      </div>
    </form>
  );
}
