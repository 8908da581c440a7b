// The box doesn't know what time it is; the device in the visitor's hand mostly does. Both are shown before anything is set.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { set_clock, type Failure } from "../api/client";
import { clock, date_year } from "../lib/time";
import { house } from "../state/house";
import { box_now, session, zone } from "../state/link";
import { words } from "../words";

const text = words.clock_set;
const shown = (t: number): string => `${date_year(t, zone.value)} ${clock(t, zone.value)}`;

// children: what else may be done, beside the button.
export function ClockSet({ children }: { children?: ComponentChildren }) {
  const [busy, set_busy] = useState(false);
  const [failure, set_failure] = useState<Failure | null>(null);
  const visit = session.value;
  if (visit.state !== "in" || !visit.session.admin) return <div class="al-actions">{children}</div>;
  const box = box_now.value;  // read here, so that both times go on while they are looked at
  const set = async (): Promise<void> => {
    set_busy(true);
    const answer = await set_clock(new Date());
    set_busy(false);
    set_failure(answer.ok ? null : answer.failure);
    if (answer.ok) void house.load();
  };
  return (
    <div class="al-clock-set">
      <p>{text.both(shown(box), shown(Date.now()))}{failure && <span role="alert"> {failure.what} {failure.next}</span>}</p>
      <div class="al-actions">
        <button type="button" class="al-button" data-main="" disabled={busy} onClick={() => void set()}>{text.set}</button>
        {children}
      </div>
    </div>
  );
}
