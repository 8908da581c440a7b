// The buttons above the charts, and the list to choose series from.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { to_csv } from "../lib/csv";
import { series_label, unit_text } from "../lib/format";
import type { Panel } from "../lib/panels";
import { iso } from "../lib/time";
import { explore_link, presets, series_shown_max, step, zoom, type ExploreView } from "../lib/view";
import type { Known } from "../pages/explore";
import { box_now, zone } from "../state/link";
import { go_explore } from "../state/route";
import { words } from "../words";

const text = words.explore;
type Window = { from: number; to: number };

function save_csv(panels: Panel[], window: Window): void {
  const parts = panels.flatMap((panel) => panel.lines);
  const address = URL.createObjectURL(new Blob([to_csv(parts, zone.value)], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `alona_${iso(window.from, zone.value).slice(0, 10)}_${iso(window.to, zone.value).slice(0, 10)}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

// Over plain HTTP there is no clipboard API: the address is shown, selected, and copied the old way where that works.
function LinkField({ link }: { link: string }) {
  const field = useRef<HTMLInputElement>(null);
  const [copied, set_copied] = useState(false);
  useLayoutEffect(() => field.current?.focus(), []);
  const copy = (): void => { field.current?.select(); set_copied(document.execCommand("copy")); };
  return (
    <div class="al-card al-link-field">
      <label>{text.link_field}<input ref={field} readOnly value={link} onFocus={copy} /></label>
      <span role="status" class="al-soft">{copied ? text.copied : ""}</span>
    </div>
  );
}

interface BarProps { view: ExploreView; window: Window; panels: Panel[]; picking: boolean; toggle_picking(): void }

export function Bar({ view, window, panels, picking, toggle_picking }: BarProps) {
  const [linking, set_linking] = useState(false);
  const go = (range: ExploreView["range"]): void => go_explore({ ...view, range });
  const now = box_now.value;
  const link = location.href.split("#")[0] + explore_link({ ...view, range: window });
  return (
    <>
      <div class="al-bar al-explore-bar">
        <div class="al-segments" role="group" aria-label={text.range}>
          {presets.map((preset) => (
            <button key={preset} type="button" aria-pressed={"preset" in view.range && view.range.preset === preset} onClick={() => go({ preset })}>{text.presets[preset]}</button>
          ))}
        </div>
        <div class="al-together">
          <button type="button" class="al-button al-square" aria-label={text.earlier} onClick={() => go(step(window, -1, now, zone.value))}>‹</button>
          <button type="button" class="al-button al-square" aria-label={text.later} onClick={() => go(step(window, 1, now, zone.value))}>›</button>
          <button type="button" class="al-button al-square" aria-label={text.closer} onClick={() => go(zoom(window, 0.5, now))}>+</button>
          <button type="button" class="al-button al-square" aria-label={text.wider} onClick={() => go(zoom(window, 2, now))}>−</button>
        </div>
        <button type="button" class="al-button" aria-expanded={picking} onClick={toggle_picking}>{text.series}</button>
        <div class="al-together al-end">
          <button type="button" class="al-button" disabled={panels.length === 0} onClick={() => save_csv(panels, window)}>{text.csv}</button>
          <button type="button" class="al-button" aria-expanded={linking} onClick={() => set_linking(!linking)}>{text.link}</button>
        </div>
      </div>
      {linking && <LinkField link={link} />}
    </>
  );
}

export function Picker({ known, view, done }: { known: Map<number, Known>; view: ExploreView; done(): void }) {
  const groups = new Map<string, [number, Known][]>();
  for (const [id, one] of known) groups.set(one.series.node, [...(groups.get(one.series.node) ?? []), [id, one]]);
  const full = view.series.length >= series_shown_max;
  const toggle = (id: number): void => go_explore({ ...view, series: view.series.includes(id) ? view.series.filter((one) => one !== id) : [...view.series, id] });
  return (
    <section class="al-card al-picker" aria-label={text.choose}>
      <div class="al-picker-groups">
        {[...groups].map(([node, rows]) => (
          <fieldset key={node}>
            <legend>{rows[0]?.[1].node_name}</legend>
            {rows.map(([id, { series }]) => {
              const on = view.series.includes(id);
              return (
                <label key={id} class="al-check">
                  <input type="checkbox" checked={on} disabled={!on && full} onChange={() => toggle(id)} />
                  <span>{series_label(series)} <span class="al-soft">{unit_text(series.unit)}</span></span>
                </label>
              );
            })}
          </fieldset>
        ))}
      </div>
      <div class="al-together">
        <button type="button" class="al-button" onClick={done}>{text.done}</button>
        {full && <span class="al-soft">{text.full(series_shown_max)}</span>}
      </div>
    </section>
  );
}
