// Another version of Alona: on a stick, or the one before. It asks first; how the last change ended stands here afterwards.
import type { Upgrade } from "../api/types";
import { stamp } from "../lib/time";
import { box_now, zone } from "../state/link";
import { words } from "../words";
import { BoxQuestion, use_box_wish } from "./box_wish";
import { Refusal } from "./form";

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
  const wished = use_box_wish();
  if (offer === null && trouble === null && former === null && last === null) return null;
  return (
    <section class="al-section" data-part="upgrade">
      <h2>{text.upgrade}</h2>
      <div class="al-card al-version">
      {offer !== null && <p class="al-main-fact">{text.on_stick(offer)}</p>}
      {trouble !== null && <p class="al-soft">{trouble}</p>}
      {former !== null && <p class="al-soft">{text.way_back(former)}</p>}
      {last && <Last last={last} />}
      </div>
      <Refusal failure={wished.failure} />
      {wished.asking
        ? <BoxQuestion wished={wished} />
        : (offer !== null || former !== null) && (
          <div class="al-together">
            {offer !== null && <button type="button" class="al-button" data-main="" onClick={() => wished.open("upgrade")}>{text.install_it}</button>}
            {former !== null && <button type="button" class="al-button" onClick={() => wished.open("roll_back")}>{text.go_back}</button>}
          </div>
        )}
      <p class="al-said" role="status">{wished.said}</p>
    </section>
  );
}
