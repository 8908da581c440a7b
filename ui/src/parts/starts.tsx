// When the box started, how the run before had ended, and from when to when nothing was recorded.
import type { Start, System } from "../api/types";
import { span, stamp } from "../lib/time";
import { box_now, zone } from "../state/link";
import { words } from "../words";

const text = words.starts;

// With the end of the darkness where it isn't the start itself: a clock that was set back between them.
function dark(start: Start): string {
  const when = (t: number): string => stamp(t, zone.value, box_now.value);
  if (start.last === null) return "";
  return start.dark_ms === null ? text.dark_from(when(start.last)) : text.dark(when(start.last), when(start.last + start.dark_ms));
}

function Row({ start }: { start: Start }) {
  const bad = start.before === "power" || start.before === "crash";
  return (
    <li data-start={start.before}>
      <time>{stamp(start.at, zone.value, box_now.value)}</time>
      <span>
        {bad ? <strong>{text.before[start.before]}</strong> : text.before[start.before]} <span class="al-soft">{dark(start)}</span>
        {!start.at_known && <> <span class="al-tag" data-tone="needs_you">{words.presence.unsure}</span></>}
      </span>
      {start.dark_ms !== null && <strong>{span(start.dark_ms)}</strong>}
    </li>
  );
}

export function Starts({ starts }: { starts: System["starts"] }) {
  return (
    <section class="al-section" aria-label={text.title}>
      <h2>{text.title}</h2>
      {starts === null && <p class="al-soft">{text.unknown}</p>}
      {starts?.length === 0 && <p class="al-soft">{text.none}</p>}
      {starts !== null && starts.length > 0 && <ul class="al-card al-list">{starts.map((start, i) => <Row key={`${start.at} ${i}`} start={start} />)}</ul>}
    </section>
  );
}
