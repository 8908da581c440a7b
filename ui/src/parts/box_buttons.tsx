// What an owner does to the machine itself: restart, shut down, eject the stick. Each asks first. And a
// debug bundle for whoever helps.
import { bundle_address } from "../api/client";
import type { BoxWish } from "../api/types";
import { words } from "../words";
import { BoxQuestion, use_box_wish } from "./box_wish";
import { Refusal } from "./form";

const text = words.system;

export function BoxButtons({ can }: { can: BoxWish[] }) {
  const wished = use_box_wish();
  return (
    <section class="al-section">
      <h2>{text.box}</h2>
      <Refusal failure={wished.failure} />
      {wished.asking
        ? <BoxQuestion wished={wished} />
        : <div class="al-together">{can.map((wish) => <button key={wish} type="button" class="al-button" onClick={() => wished.open(wish)}>{text.box_do[wish]}</button>)}<a class="al-button" href={bundle_address} download>{text.bundle}</a></div>}
      {!wished.asking && <p class="al-soft">{text.bundle_about}</p>}
      <p class="al-said" role="status">{wished.said}</p>
    </section>
  );
}
