// What an owner asks of the machine itself: a question first, then what was said of it.
import { useState } from "preact/hooks";
import { ask_box, type Failure } from "../api/client";
import type { BoxWish } from "../api/types";
import { refusal_of } from "../state/loaded";
import { words } from "../words";
import { Question } from "./form";

const text = words.system;

export interface Wished {
  asking: BoxWish | null;
  busy: boolean;
  failure: Failure | null;
  said: string;
  open(wish: BoxWish): void;
  answer(yes: boolean): void;
}

export function use_box_wish(): Wished {
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
  return {
    asking, busy, failure, said,
    open: (wish) => { say(""); set_failure(null); ask(wish); },
    answer: (yes) => (yes && asking ? void go(asking) : ask(null)),
  };
}

export function BoxQuestion({ wished }: { wished: Wished }) {
  const { asking, busy, answer } = wished;
  if (!asking) return null;
  return <Question what={text.box_ask[asking]} why={text.box_why[asking]} yes={text.box_do[asking]} no={text.box_no} busy={busy} answer={answer} />;
}
