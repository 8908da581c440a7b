// The parts of small forms: a field with its hint and what is wrong with it, a refusal, a question before something ends.
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import type { Failure } from "../api/client";
import { words } from "../words";

interface FieldProps {
  label: string; value: string; change(value: string): void; hint?: string; wrong?: string;
  secret?: boolean; fresh_secret?: boolean;  // fresh: the browser may propose one, and keeps its old ones to itself
  exact?: boolean;                           // an id: no capitals, no proposals, no red waves
  focus?: boolean; max?: number; list?: string; placeholder?: string;
}

export function Field({ label, value, change, hint = "", wrong = "", secret = false, fresh_secret = false, exact = false, focus = false, max, list, placeholder }: FieldProps) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => { if (focus) input.current?.focus(); }, []);
  const below = wrong || hint;
  const common = {
    id, ref: input, value, onInput: (event: { currentTarget: HTMLInputElement }): void => change(event.currentTarget.value), autocomplete: fresh_secret ? "new-password" as const : "off" as const,
    ...(max === undefined ? {} : { maxLength: max }), ...(placeholder === undefined ? {} : { placeholder }), ...(exact ? { autocapitalize: "none" as const, spellcheck: false } : {}),
    ...(wrong ? { "aria-invalid": "true" as const } : {}), ...(below ? { "aria-describedby": `${id}-below` } : {}),
  };
  return (
    <div class="al-field">
      <label for={id}>{label}</label>
      {secret ? <input {...common} type="password" /> : list ? <input {...common} type="text" list={list} /> : <input {...common} type="text" />}
      {below && <p id={`${id}-below`} class="al-below" data-tone={wrong ? "needs_you" : undefined}>{below}</p>}
    </div>
  );
}

export function Refusal({ failure }: { failure: Failure | null }) {
  if (!failure) return null;
  return <p class="al-wrong" role="alert"><strong>{failure.what}</strong> {failure.why} {failure.next}</p>;
}

interface QuestionProps { what: string; why: string; yes: string; no: string; busy: boolean; answer(yes: boolean): void }

// Takes the focus as it appears, so that a keyboard or a screen reader is where the question is. Escape is no.
export function Question({ what, why, yes, no, busy, answer }: QuestionProps) {
  const first = useRef<HTMLButtonElement>(null), all = useRef<HTMLElement>(null);
  useLayoutEffect(() => { first.current?.focus(); all.current?.scrollIntoView({ block: "nearest" }); }, []);
  return (
    <section class="al-note al-question" ref={all} role="group" aria-label={what} onKeyDown={(event) => { if (event.key === "Escape") answer(false); }}>
      <div><h3>{what}</h3><p>{why}</p></div>
      <div class="al-actions">
        <button type="button" class="al-button" ref={first} disabled={busy} onClick={() => answer(false)}>{no}</button>
        <button type="button" class="al-button" data-main="" disabled={busy} onClick={() => answer(true)}>{busy ? words.settings.busy : yes}</button>
      </div>
    </section>
  );
}
