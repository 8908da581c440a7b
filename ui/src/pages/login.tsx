import { useState } from "preact/hooks";
import type { Failure } from "../api/client";
import { sign_in } from "../state/link";
import { words } from "../words";

const text = words.login;

// The box says only "no": whether the name or the password was wrong is nobody's business.
const told = (failure: Failure): { what: string; next: string } => (failure.kind === "session" ? words.failure.wrong_login : { what: failure.what, next: `${failure.why} ${failure.next}` });

export function LoginPage({ ended }: { ended: boolean }) {
  const [failure, set_failure] = useState<Failure | null>(null);
  const [busy, set_busy] = useState(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    set_busy(true);
    set_failure(await sign_in(String(form.get("name")), String(form.get("password"))));
    set_busy(false);
  };
  return (
    <main class="al-alone">
      <form class="al-card al-login" onSubmit={(event) => void submit(event)}>
        <h1>{text.title}</h1>
        {ended && !failure && <p class="al-soft" role="status">{text.ended}</p>}
        {failure && <p class="al-wrong" role="alert"><strong>{told(failure).what}</strong> {told(failure).next}</p>}
        <label>{text.name}<input name="name" autocomplete="username" autocapitalize="none" spellcheck={false} required /></label>
        <label>{text.password}<input name="password" type="password" autocomplete="current-password" required /></label>
        <button type="submit" class="al-button" data-main="" disabled={busy}>{busy ? text.busy : text.enter}</button>
        <p class="al-soft">{text.hint}</p>
      </form>
    </main>
  );
}
