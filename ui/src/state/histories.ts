// The histories of some series over one stretch of time. While a new stretch loads, the last picture stays.
import { useEffect, useRef, useState } from "preact/hooks";
import { get_history, type Failure } from "../api/client";
import type { History } from "../api/types";
import { session_ended } from "./link";

export interface Histories { from: number; to: number; by_series: Map<number, History>; loading: boolean; failure: Failure | null }

const at_once_max = 3;  // the box has two readers; more would only queue there

async function ask_all(ids: number[], from: number, to: number, points: number, wanted: () => boolean): Promise<{ found: Map<number, History>; failure: Failure | null }> {
  const found = new Map<number, History>();
  const left = ids.slice();
  let failure: Failure | null = null;
  const worker = async (): Promise<void> => {
    for (let id = left.shift(); id !== undefined && wanted(); id = left.shift()) {
      const answer = await get_history(id, from, to, points);
      if (answer.ok) found.set(id, answer.data);
      else if (answer.failure.kind === "session") session_ended();
      else if (answer.failure.kind !== "missing") failure = answer.failure;
    }
  };
  await Promise.all(Array.from({ length: at_once_max }, worker));
  return { found, failure };
}

// stamp: another one asks again for the same stretch.
export function use_histories(ids: number[], from: number, to: number, points: number, stamp: number): Histories {
  const [shown, show] = useState<Histories>({ from, to, by_series: new Map(), loading: true, failure: null });
  const latest = useRef(0);
  const key = `${ids.join()} ${from} ${to} ${points} ${stamp}`;
  useEffect(() => {
    const mine = (latest.current += 1);
    show((before) => ({ ...before, loading: true }));
    void ask_all(ids, from, to, points, () => mine === latest.current).then(({ found, failure }) => {
      if (mine !== latest.current) return;
      // An unreachable box is told on the whole page; the picture stays.
      show((before) => (failure?.kind === "unreachable" && before.by_series.size > 0
        ? { ...before, loading: false }
        : { from, to, by_series: found, loading: false, failure }));
    });
    return () => { latest.current += 1; };
  }, [key]);
  return shown;
}
