// What a person types of a counter, as the box takes it: decimals as text, so that their digits stay what they are.
import type { CounterChange, CounterInfo } from "../api/types";
import { words } from "../words";

export interface CounterWish { counts: boolean; goes_on_from: string; begins_at: string }

// A phone's keys may only have a comma.
export const plain_number = (typed: string): string => typed.trim().replace(/^([+-]?\d*),(\d+)$/, "$1.$2").replace(/^\+/, "");

export function number_wrong(typed: string): string {
  const text = plain_number(typed);
  return /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) && Math.abs(Number(text)) <= 1e15 ? "" : words.settings.number_wrong;
}

// The box goes on from what it has stored last when it is done, unless another number was typed.
export function change_of(info: CounterInfo, wish: CounterWish | undefined): CounterChange[] {
  if (!wish?.counts) return [];
  const from = plain_number(wish.goes_on_from), begins_at = plain_number(wish.begins_at);
  return [{ sensor: info.sensor, unit: info.unit, begins_at, ...(from === String(info.last?.value ?? "") ? {} : { goes_on_from: from }) }];
}
