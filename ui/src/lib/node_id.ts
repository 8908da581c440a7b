// What a node may be called, by the same rules as the box (docs/protocol.md), said before anything is sent.
import { words } from "../words";

const id_chars_max = 32;
const text = words.settings.id_wrong;

// Why it can't be one; empty: it can.
export function id_wrong(id: string, known: string[]): string {
  if (id === "") return text.empty;
  if (id.length > id_chars_max) return text.long(id_chars_max);
  if (!/^[a-z0-9_-]+$/.test(id)) return text.letters;
  if (!/^[a-z0-9]/.test(id)) return text.first;
  if (id === "core" || id === "canary" || id.startsWith("alona")) return text.own;
  return known.includes(id) ? text.known : "";
}

// A proposal: "North wall" becomes north-wall.
export function id_of(name: string): string {
  const plain = name.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/ß/g, "ss");
  return plain.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, id_chars_max).replace(/-+$/, "");
}
