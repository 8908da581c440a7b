// What a view knows of what it shows. A view that forgets a state doesn't compile.
import { signal, type ReadonlySignal } from "@preact/signals";
import type { Answer, Failure } from "../api/client";
import { session_ended } from "./link";

export type Loaded<T> = { state: "loading" } | { state: "ready"; data: T } | { state: "failed"; failure: Failure };

export interface Resource<T> {
  readonly view: ReadonlySignal<Loaded<T>>;
  load(): Promise<void>;
  update(change: (data: T) => T): void;  // by what the live stream said; nothing while nothing is loaded
  forget(): void;
}

// Why a change was refused; null: it was done. A session that is over ends here.
export function refusal_of<T>(answer: Answer<T>): Failure | null {
  if (answer.ok) return null;
  if (answer.failure.kind === "session") session_ended();
  return answer.failure;
}

// Keeps the last picture while the box is unreachable: its age is said elsewhere, on the whole page.
export function resource<T>(get: () => Promise<Answer<T>>): Resource<T> {
  const view = signal<Loaded<T>>({ state: "loading" });
  let asked = 0;
  return {
    view,
    async load() {
      const mine = (asked += 1);
      const answer = await get();
      if (mine !== asked) return;  // a later question is under way, or it was forgotten
      if (answer.ok) view.value = { state: "ready", data: answer.data };
      else if (answer.failure.kind === "session") session_ended();
      else if (view.value.state !== "ready" || answer.failure.kind !== "unreachable") view.value = { state: "failed", failure: answer.failure };
    },
    update(change) {
      if (view.value.state === "ready") view.value = { state: "ready", data: change(view.value.data) };
    },
    forget() { asked += 1; view.value = { state: "loading" }; },
  };
}
