// What an owner does to the machine itself: restart, shut down, eject the stick. Each asks first. And a
// debug bundle for whoever helps.
import { useState } from "preact/hooks";
import { ask_box, bundle_address, type Failure } from "../api/client";
import type { BoxWish } from "../api/types";
import { refusal_of } from "../state/loaded";
import { words } from "../words";
import { Question, Refusal } from "./form";

const text = words.system;

export function BoxButtons({ can }: { can: BoxWish[] }) {
  const [asking, ask] = useState<BoxWish | null>(null), [busy, set_busy] = useState(false);
  const [failure, set_failure] = useState<Failure | null>(null), [said, say] = useState("");
  const go = async (wish: BoxWish): Promise<void> => {
    set_busy(true);
    const answer = await ask_box(wish);
    set_busy(false);
    set_failure(refusal_of(answer));
    if (answer.ok) say(text.box_said[wish]);
    ask(null);
  };
  return (
    <section class="al-section">
      <h2>{text.box}</h2>
      <Refusal failure={failure} />
      {asking
        ? <Question what={text.box_ask[asking]} why={text.box_why[asking]} yes={text.box_do[asking]} no={text.box_no} busy={busy} answer={(yes) => (yes ? void go(asking) : ask(null))} />
        : <div class="al-together">{can.map((wish) => <button key={wish} type="button" class="al-button" onClick={() => { say(""); set_failure(null); ask(wish); }}>{text.box_do[wish]}</button>)}<a class="al-button" href={bundle_address} download>{text.bundle}</a></div>}
      {!asking && <p class="al-soft">{text.bundle_about}</p>}
      <p class="al-said" role="status">{said}</p>
    </section>
  );
}
