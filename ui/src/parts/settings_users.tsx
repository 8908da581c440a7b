// Who may sign in here. For admins: to others the box doesn't even tell the names.
import { useEffect, useMemo, useState } from "preact/hooks";
import { get_users, put_user, remove_user, type Answer, type Failure } from "../api/client";
import type { User } from "../api/types";
import { refusal_of, resource } from "../state/loaded";
import { words } from "../words";
import { Field, Question, Refusal } from "./form";
import { FailureBox, Loading } from "./states";

const text = words.settings;
const password_chars_min = 8, password_bytes_max = 256, name_chars_max = 32;

const name_wrong = (name: string): string => (/^[a-z0-9_.-]{1,32}$/.test(name) ? "" : text.user_name_wrong);
const password_wrong = (password: string): string => {
  const bytes = new TextEncoder().encode(password).length;
  return bytes < password_chars_min ? text.password_short(password_chars_min) : bytes > password_bytes_max ? text.password_long : "";
};

interface LoginProps { user: User | null; me: string; done(said: string): void; cancel?: () => void }

// A new user, or the new password of one who is there.
function Login({ user, me, done, cancel }: LoginProps) {
  const [name, set_name] = useState(user?.name ?? ""), [password, set_password] = useState("");
  const [plain, show_plain] = useState(false), [tried, set_tried] = useState(false), [busy, set_busy] = useState(false);
  const [failure, set_failure] = useState<Failure | null>(null);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    set_tried(true);
    if (name_wrong(name) || password_wrong(password)) return;
    set_busy(true);
    const answer = await put_user(name, password);
    set_busy(false);
    set_failure(refusal_of(answer));
    if (answer.ok) done(user ? text.password_set(name) : text.user_added(name));
  };
  return (
    <form class={user ? "al-form" : "al-card al-form"} aria-label={user ? text.new_password(user.name) : text.add_user} onSubmit={(event) => void submit(event)} noValidate>
      {!user && <Field label={text.user_name} value={name} change={set_name} hint={text.user_name_hint} wrong={tried ? name_wrong(name) : ""} max={name_chars_max} exact focus />}
      <Field label={user ? text.new_password_label : text.user_password} secret={!plain} fresh_secret exact value={password} change={set_password} hint={text.password_hint(password_chars_min)} wrong={tried ? password_wrong(password) : ""} />
      <label class="al-check"><input type="checkbox" checked={plain} onChange={() => show_plain(!plain)} /><span>{text.show_password}</span></label>
      <Refusal failure={failure} />
      {user && <p class="al-soft">{user.name === me ? text.ends_mine : text.ends_theirs(user.name)}</p>}
      <div class="al-together">
        <button type="submit" class="al-button" data-main="" disabled={busy}>{busy ? text.busy : user ? text.set_password : text.add_user}</button>
        {cancel && <button type="button" class="al-button" disabled={busy} onClick={cancel}>{text.cancel}</button>}
      </div>
    </form>
  );
}

function Remove({ user, done }: { user: User; done(said: string): void }) {
  const [asking, ask] = useState(false), [busy, set_busy] = useState(false);
  const [failure, set_failure] = useState<Failure | null>(null);
  const remove = (): void => {
    set_busy(true);
    void remove_user(user.name).then((answer) => {
      set_busy(false);
      set_failure(refusal_of(answer));
      if (answer.ok) done(text.user_removed(user.name)); else ask(false);
    });
  };
  return (
    <>
      <Refusal failure={failure} />
      {asking
        ? <Question what={text.remove_user_what(user.name)} why={text.remove_user_why} yes={text.remove_yes} no={text.remove_no} busy={busy} answer={(yes) => (yes ? remove() : ask(false))} />
        : <div class="al-together"><button type="button" class="al-button" onClick={() => ask(true)}>{text.remove_user}</button></div>}
    </>
  );
}

function List({ users, me, changed }: { users: User[]; me: string; changed(said: string): void }) {
  const [open, set_open] = useState<string | null>(null);
  const done = (said: string): void => { set_open(null); changed(said); };
  return (
    <ul class="al-card al-items">
      {users.map((user) => (
        <li key={user.name} data-user={user.name}>
          <div class="al-item">
            <h3>{user.name} {user.name === me && <span class="al-tag" data-tone="well">{text.you}</span>}{!user.admin && <span class="al-id"> {text.looks_only}</span>}</h3>
            <button type="button" class="al-button" aria-expanded={open === user.name} onClick={() => set_open(open === user.name ? null : user.name)}>{open === user.name ? text.close : text.change}<span class="al-hidden"> {user.name}</span></button>
          </div>
          {open === user.name && <div class="al-edit"><Login user={user} me={me} done={done} />{user.name !== me && <Remove user={user} done={done} />}</div>}
        </li>
      ))}
    </ul>
  );
}

export function SettingsUsers({ me }: { me: string }) {
  const users = useMemo(() => resource((): Promise<Answer<User[]>> => get_users()), []);
  const [adding, add] = useState(false);
  const [said, say] = useState("");
  useEffect(() => { void users.load(); return () => users.forget(); }, [users]);
  const changed = (what: string): void => { say(what); add(false); void users.load(); };
  const view = users.view.value;
  return (
    <section class="al-section">
      <div class="al-bar">
        <h2>{text.users}</h2>
        {view.state === "ready" && !adding && <button type="button" class="al-button" onClick={() => { say(""); add(true); }}>{text.add_user}</button>}
      </div>
      {adding && <Login user={null} me={me} done={changed} cancel={() => add(false)} />}
      <p class="al-said" role="status">{said}</p>
      {view.state === "loading" && <Loading />}
      {view.state === "failed" && <FailureBox failure={view.failure} retry={() => void users.load()} />}
      {view.state === "ready" && <List users={view.data} me={me} changed={changed} />}
    </section>
  );
}
