// Names of what is checked, for people. A check's or finding's id up to a colon is its name, and names its paragraph of
// the runbook; behind the colon it says of whom.
import { words } from "../words";

export const check_name = (id: string): string => id.split(":")[0] ?? id;
export const check_title = (id: string): string => words.checks[check_name(id)] ?? check_name(id).replace(/_/g, " ");
