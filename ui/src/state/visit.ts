// When this browser was here before. A visit is over after an hour without the page.
const key = "alona.seen", visit_ms_min = 60 * 60 * 1000;

function read(name: string): number | null {
  try {
    const t = Number(localStorage.getItem(name));
    return Number.isFinite(t) && t > 0 ? t : null;
  } catch { return null; }  // storage refused: then every visit is the first
}

function write(name: string, t: number): void {
  try { localStorage.setItem(name, String(t)); } catch { /* as above */ }
}

// The end of the visit before this one, or null at the first. By this device's clock: only its difference to now is used.
export const last_visit: number | null = (() => {
  const seen = read(key), now = Date.now();
  if (seen !== null && now - seen > visit_ms_min) write(`${key}.before`, seen);
  return read(`${key}.before`);
})();

export function start_visit(): void {
  const mark = (): void => { if (!document.hidden) write(key, Date.now()); };
  mark();
  setInterval(mark, 60 * 1000);
}
