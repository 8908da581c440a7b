// What was written to the disk, day by day, as bars.
import type { WearDay } from "../api/types";

export interface Bar { day: string; bytes: number; height: number }  // height: 0 to 1, of the largest

// The whole disk's writes where they are counted, else the core's own.
export const written = (day: WearDay): number => day.device_bytes ?? day.process_bytes;

export function bars(days: WearDay[]): Bar[] {
  const most = Math.max(1, ...days.map(written));
  return days.map((day) => ({ day: day.day, bytes: written(day), height: written(day) / most }));
}

// Of the days that are over. Null: none is.
export function mean_written(days: WearDay[]): number | null {
  const over = days.slice(0, -1);
  return over.length === 0 ? null : over.reduce((sum, day) => sum + written(day), 0) / over.length;
}
