// The last round of checks, which another process than the core makes: what fails first, the rest folded away.
import type { ComponentChildren } from "preact";
import type { HealthCheck, System } from "../api/types";
import { check_title } from "../lib/checks";
import { age, minute, stamp } from "../lib/time";
import { box_now, zone } from "../state/link";
import { words } from "../words";
import { WhatToDo } from "./runbook_link";
import { Empty } from "./states";
import { Told } from "./told";

const text = words.health;
const old_ms = 20 * minute;
const sentence = (said: string): string => said.charAt(0).toUpperCase() + said.slice(1) + (said === "" || /[.!?]$/.test(said) ? "" : ".");
const of_whom = (id: string): string => id.split(":").slice(1).join(":");

function Bad({ check }: { check: HealthCheck }) {
  const failing = check.state === "failing";
  return (
    <li data-check={check.id} data-state={check.state}>
      <div class="al-check-text">
        <h3>{check_title(check.id)}{of_whom(check.id) && <span class="al-id"> {of_whom(check.id)}</span>} <span class="al-tag" data-tone={failing ? "needs_you" : undefined}>{failing ? text.failing : text.unknown}</span></h3>
        <p>{sentence(check.what)} <Told text={check.next} /> <span class="al-soft al-since">{text.since(stamp(check.since, zone.value, box_now.value))}</span></p>
      </div>
      <WhatToDo id={check.id} />
    </li>
  );
}

function Well({ checks }: { checks: HealthCheck[] }) {
  return (
    <details class="al-fold">
      <summary><span><strong>{text.well(checks.length)}</strong></span></summary>
      <ul class="al-well">{checks.map((check) => <li key={check.id}>{check_title(check.id)} <span class="al-soft">{text.since_short(stamp(check.since, zone.value, box_now.value))}</span></li>)}</ul>
    </details>
  );
}

export function Health({ health }: { health: System["health"] }) {
  if (!health) return <Section><Empty what={text.none} next={text.none_next} command="sudo alona health" /></Section>;
  const bad = health.checks.filter((check) => check.state !== "ok");
  const failing = bad.filter((check) => check.state === "failing").length;
  const well = health.checks.filter((check) => check.state === "ok");
  const since = box_now.value - health.at;
  return (
    <Section>
      <div class="al-card al-health">
        <h3 data-tone={failing > 0 ? "needs_you" : undefined}>{failing > 0 ? text.some(failing) : text.all_well}</h3>
        <p class="al-soft" data-tone={since > old_ms ? "needs_you" : undefined}>{text.round(since < minute ? words.age.now : words.age.ago(age(since)))}{since > old_ms && <> {text.round_old}</>}</p>
        {bad.length > 0 && <ul class="al-checks">{[...bad].sort((a, b) => Number(b.state === "failing") - Number(a.state === "failing")).map((check) => <Bad key={check.id} check={check} />)}</ul>}
        {well.length > 0 && <Well checks={well} />}
      </div>
    </Section>
  );
}

function Section({ children }: { children: ComponentChildren }) {
  return <section class="al-section" aria-label={text.title}><h2>{text.title}</h2>{children}</section>;
}
