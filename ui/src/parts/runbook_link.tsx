// "What to do": the way from a finding or a check to its paragraph, where there is one.
import runbook from "alona:runbook";
import { check_name, check_title } from "../lib/checks";
import { runbook_link } from "../lib/view";
import { words } from "../words";

export const has_paragraph = (id: string): boolean => runbook.sections.some((one) => one.id === check_name(id));

export function WhatToDo({ id, button = false }: { id: string; button?: boolean }) {
  if (!has_paragraph(id)) return null;
  return <a class={button ? "al-button" : "al-link"} href={runbook_link(check_name(id))}>{words.runbook.what_to_do}<span class="al-hidden"> {words.runbook.about(check_title(id))}</span></a>;
}
