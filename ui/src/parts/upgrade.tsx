// Another version of Alona: on a stick, or the one before. It asks first; how the last change ended stands here afterwards.
import { useState } from "preact/hooks";
import { ask_box, type Failure } from "../api/client";
import type { BoxWish, Upgrade } from "../api/types";
import { stamp } from "../lib/time";
import { box_now, zone } from "../state/link";
import { refusal_of } from "../state/loaded";
import { words } from "../words";
import { Question, Refusal } from "./form";

const text = words.system;

function Last({ last }: { last: NonNullable<Upgrade["last"]> }) {
  return (
    <div data-upgrade={last.state}>
      <p data-tone={last.state === "failed" ? "needs_you" : undefined}>{text.upgrade_what(last.back)} {text.upgrade_last[last.state]}, {stamp(last.at, zone.value, box_now.value)}.</p>
      {last.text.split("\n").map((line) => <p key={line} class="al-soft">{line}</p>)}
    </div>
  );
}

export function UpgradeFacts({ upgrade }: { upgrade: Upgrade }) {
  const { offer, trouble, former, last } = upgrade;
  const [asking, ask] = useState<BoxWish | null>(null), [busy, set_busy] = useState(false);
  const [failure, set_failure] = useState<Failure | null>(null), [said, say] = useState("");
  if (offer === null && trouble === null && former === null && last === null) return null;
  const go = async (wish: BoxWish): Promise<void> => {
    set_busy(true);
    const answer = await ask_box(wish);
    set_busy(false);
    set_failure(refusal_of(answer));
    if (answer.ok) say(text.box_said[wish]);
    ask(null);
  };
  const open = (wish: BoxWish): void => { say(""); set_failure(null); ask(wish); };
  return (
    <section class="al-section" data-part="upgrade">
      <h2>{text.upgrade}</h2>
      <div class="al-card al-version">
      {offer !== null && <p class="al-main-fact">{text.on_stick(offer)}</p>}
      {trouble !== null && <p class="al-soft">{trouble}</p>}
      {former !== null && <p class="al-soft">{text.way_back(former)}</p>}
      {last && <Last last={last} />}
      </div>
      <Refusal failure={failure} />
      {asking
        ? <Question what={text.box_ask[asking]} why={text.box_why[asking]} yes={text.box_do[asking]} no={text.box_no} busy={busy} answer={(yes) => (yes ? void go(asking) : ask(null))} />
        : (
          <div class="al-together">
            {offer !== null && <button type="button" class="al-button" data-main="" onClick={() => open("upgrade")}>{text.install_it}</button>}
            {former !== null && <button type="button" class="al-button" onClick={() => open("roll_back")}>{text.go_back}</button>}
          </div>
        )}
      <p class="al-said" role="status">{said}</p>
    </section>
  );
}
