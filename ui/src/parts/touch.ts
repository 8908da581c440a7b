// A finger drawn sideways over a chart selects like a mouse; up and down it scrolls the page (touch-action: pan-y).
import type uPlot from "uplot";

const slop_px = 8;

export function select_by_touch(u: uPlot, chosen: (from_px: number, to_px: number) => void): void {
  const over = u.over;
  let start: number | null = null;
  const left_of = (event: PointerEvent): number => Math.min(Math.max(event.clientX - over.getBoundingClientRect().left, 0), over.clientWidth);
  const draw = (a: number, b: number): void => u.setSelect({ left: Math.min(a, b), width: Math.abs(b - a), top: 0, height: over.clientHeight }, false);
  over.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch" && event.isPrimary) start = left_of(event);
  });
  over.addEventListener("pointermove", (event) => {
    if (start === null || event.pointerType !== "touch") return;
    const at = left_of(event);
    u.setCursor({ left: at, top: 0 });
    if (Math.abs(at - start) > slop_px) draw(start, at);
  });
  over.addEventListener("pointerup", (event) => {
    if (start === null || event.pointerType !== "touch") return;
    const from = start, to = left_of(event);
    start = null;
    draw(0, 0);
    if (Math.abs(to - from) > slop_px) chosen(Math.min(from, to), Math.max(from, to));
  });
  over.addEventListener("pointercancel", () => { start = null; draw(0, 0); });
}
