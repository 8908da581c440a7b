// Values as they are read: the sensor's decimals, the unit beside, never more precision than sent.
import { locale } from "../words";
import type { SeriesInfo } from "../api/types";

const decimals_max = 6;

export function value_text(value: number, decimals: number | null): string {
  if (!Number.isFinite(value)) return "–";
  const text = decimals === null
    ? value.toLocaleString(locale, { maximumSignificantDigits: Math.abs(value) >= 1000 ? 6 : 4 })
    : value.toLocaleString(locale, { minimumFractionDigits: Math.min(decimals, decimals_max), maximumFractionDigits: Math.min(decimals, decimals_max) });
  return text === "-0" || /^-0\.0+$/.test(text) ? text.slice(1) : text.replace("-", "−");
}

export const count_text = (n: number): string => n.toLocaleString(locale);

// "C" is how many nodes spell it; the owner reads "°C".
const spelled: Record<string, string> = { C: "°C", F: "°F", degC: "°C", pct: "%", percent: "%", ug_m3: "µg/m³", m3: "m³", lux: "lx", bool: "" };
export const unit_text = (unit: string): string => spelled[unit] ?? unit;

export function series_label(series: Pick<SeriesInfo, "label" | "sensor">): string {
  if (series.label.trim() !== "" && series.label !== series.sensor) return series.label;
  const plain = series.sensor.replace(/[_-]+/g, " ");
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}

// Inside a sentence: "water level", but "CO₂" and "PM10" stay as they are.
export function label_inside(label: string): string {
  return /^\p{Lu}\p{Ll}+( |$)/u.test(label) ? label.charAt(0).toLowerCase() + label.slice(1) : label;
}

export const node_label = (node: { id: string; name: string }): string => (node.name.trim() === "" ? node.id : node.name);

// 100 % is said only when nothing is missing.
export function share_text(part: number, whole: number): string {
  if (whole <= 0) return "–";
  const share = Math.floor((1000 * part) / whole) / 10;
  return part >= whole ? "100 %" : `${Math.min(share, 99.9).toLocaleString(locale)} %`;
}

export function bytes_text(n: number): string {
  if (n < 1024) return `${n} B`;
  if (n < 1024 * 1024) return `${Math.round(n / 1024)} KB`;
  return n < 1024 * 1024 * 1024 ? `${(n / 1024 / 1024).toFixed(1)} MB` : `${(n / 1024 / 1024 / 1024).toFixed(1)} GB`;
}
