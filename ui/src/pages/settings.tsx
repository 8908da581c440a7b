// What a person sets up: the nodes and who may sign in. Everybody may look at the nodes; changes are an admin's.
import { SettingsNodes } from "../parts/settings_nodes";
import { SettingsUsers } from "../parts/settings_users";
import { session } from "../state/link";
import { words } from "../words";

const text = words.settings;

export function SettingsPage() {
  const who = session.value;
  const admin = who.state === "in" && who.session.admin;
  return (
    <>
      <div class="al-sentence">
        <h1>{text.title}</h1>
        {!admin && <p class="al-soft">{text.ask_admin}</p>}
      </div>
      <SettingsNodes admin={admin} />
      {who.state === "in" && admin && <SettingsUsers me={who.session.user} />}
    </>
  );
}
