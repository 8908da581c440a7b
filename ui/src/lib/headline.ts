// The one sentence on top, in pieces, so that what matters can carry a colour beside its words.
import type { Overview } from "../api/types";
import { words } from "../words";

export interface Headline { before: string; accent: string; after: string; tone: "well" | "needs_you" | "being_lost" }

const say = (tone: Headline["tone"], before: string, accent = "", after = ""): Headline => ({ before, accent, after, tone });

export function headline(view: Pick<Overview, "findings" | "nodes" | "broker_connected">): Headline {
  const text = words.overview;
  const lost = view.findings.filter((f) => f.level === "being_lost").length;
  const rest = view.findings.length - lost;
  if (lost > 0) return say("being_lost", "", text.losing, rest === 0 ? "." : text.losing_more(rest));
  if (!view.broker_connected) return say("needs_you", "", text.deaf);
  if (rest === 1) return say("needs_you", text.except_before, text.things(1), text.except_after);
  if (rest > 1) return say("needs_you", "", text.need(rest), ".");
  if (view.nodes.length === 0) return say("well", text.empty.what);
  if (view.nodes.every((node) => node.presence === "never_seen")) return say("well", text.waiting);
  return say("well", text.well);
}
