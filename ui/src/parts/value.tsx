// A value with its unit, and the small words beside it. A change is shown briefly, by a fading ground.
import { useRef } from "preact/hooks";
import type { NodeInfo, SeriesInfo } from "../api/types";
import { series_label, unit_text, value_text } from "../lib/format";
import { node_silent, series_old } from "../lib/freshness";
import { span } from "../lib/time";
import { unreachable_since } from "../state/link";
import { words } from "../words";

function Figure({ text }: { text: string }) {
  const first = useRef(text);
  const changed = useRef(0);
  if (first.current !== text) { first.current = text; changed.current += 1; }
  // A new key is a new element, so the animation runs once for each change and never at first sight.
  return <span key={changed.current} class={changed.current > 0 ? "al-figure al-changed" : "al-figure"}>{text}</span>;
}

export function Value({ node, series, now }: { node: NodeInfo; series: SeriesInfo; now: number }) {
  const old = series_old(node, series, now, unreachable_since.value !== null);
  const last = series.last;
  const notes = [
    last && old && !node_silent(node) && unreachable_since.value === null ? words.presence.old(span(now - last.t)) : "",
    last?.quality === "provisional" ? words.presence.unsure : "",
  ].filter(Boolean);
  return (
    <div class="al-value" data-age={old ? "old" : "fresh"} data-series={series.id}>
      <span class="al-number"><Figure text={last ? value_text(last.value, series.decimals) : "–"} /> <span class="al-unit">{unit_text(series.unit)}</span></span>
      <span class="al-label">{series_label(series)}{notes.length > 0 && <span class="al-word"> {notes.join(", ")}</span>}</span>
    </div>
  );
}
