// The states that every view has besides its picture.
import type { Failure } from "../api/client";
import { words } from "../words";

export function Loading() {
  return <p class="al-loading" role="status">{words.loading}<span class="al-dots" aria-hidden="true">…</span></p>;
}

export function FailureBox({ failure, retry }: { failure: Failure; retry?: () => void }) {
  return (
    <section class="al-note" data-tone="needs_you" role="alert">
      <div>
        <h2>{failure.what}</h2>
        <p>{failure.why} {failure.next}</p>
      </div>
      {retry && <div class="al-actions"><button type="button" class="al-button" onClick={retry}>{words.retry}</button></div>}
    </section>
  );
}

export function Empty({ what, next, command }: { what?: string; next: string; command?: string }) {
  return (
    <section class="al-card al-empty">
      {what && <h2>{what}</h2>}
      <p>{next}{command && <> <code>{command}</code></>}</p>
    </section>
  );
}
