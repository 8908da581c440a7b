// Text to be taken elsewhere. Over plain HTTP there is no clipboard API: what is to be copied is selected, and copied the
// old way; where that doesn't work it stays selected, for the visitor's own fingers.
import { useRef, useState } from "preact/hooks";
import { words } from "../words";

const text = words.copy;

function copied(element: HTMLElement): boolean {
  const range = document.createRange();
  range.selectNodeContents(element);
  const chosen = getSelection();
  chosen?.removeAllRanges();
  chosen?.addRange(range);
  return document.execCommand("copy");
}

function use_copy<T extends HTMLElement>(): { from: { current: T | null }; told: string; copy(): void } {
  const from = useRef<T>(null);
  const [told, tell] = useState("");
  const copy = (): void => { if (from.current) tell(copied(from.current) ? text.done : text.chosen); };
  return { from, told, copy };
}

// One value with its name, as a row of a <dl>.
export function CopyRow({ name, value }: { name: string; value: string }) {
  const { from, told, copy } = use_copy<HTMLElement>();
  return (
    <div>
      <dt>{name}</dt>
      <dd><code ref={from}>{value}</code></dd>
      <dd class="al-copy"><span role="status" class="al-soft">{told}</span><button type="button" class="al-button" onClick={copy}>{text.copy}<span class="al-hidden"> {name}</span></button></dd>
    </div>
  );
}

function save(file: string, content: string): void {
  const address = URL.createObjectURL(new Blob([content], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

// A longer text, folded away until it is wanted.
export function CopyBlock({ title, about, file, value }: { title: string; about: string; file: string; value: string }) {
  const { from, told, copy } = use_copy<HTMLPreElement>();
  return (
    <details class="al-fold">
      <summary><span><strong>{title}</strong> <span class="al-soft">{about}</span></span></summary>
      <pre ref={from} tabIndex={0} aria-label={title}>{value}</pre>
      <div class="al-together">
        <button type="button" class="al-button" onClick={copy}>{text.copy}<span class="al-hidden"> {title}</span></button>
        <button type="button" class="al-button" onClick={() => save(file, value)}>{text.save(file)}</button>
        <span role="status" class="al-soft">{told}</span>
      </div>
    </details>
  );
}
