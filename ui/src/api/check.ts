// What arrives is not trusted to be what types.ts says: each message is checked once, here, into plain new objects.
export type Check<T> = (value: unknown, where: string) => T;

export class Mismatch extends Error {
  constructor(readonly where: string, wanted: string) { super(`${where}: ${wanted} expected`); }
}

export const num: Check<number> = (value, where) => {
  if (typeof value !== "number" || !Number.isFinite(value)) throw new Mismatch(where, "a number");
  return value;
};
export const text: Check<string> = (value, where) => {
  if (typeof value !== "string") throw new Mismatch(where, "a text");
  return value;
};
export const flag: Check<boolean> = (value, where) => {
  if (typeof value !== "boolean") throw new Mismatch(where, "true or false");
  return value;
};
export const any: Check<unknown> = (value) => value;

export const or_null = <T>(check: Check<T>): Check<T | null> => (value, where) =>
  value === null || value === undefined ? null : check(value, where);

export const list = <T>(check: Check<T>): Check<T[]> => (value, where) => {
  if (!Array.isArray(value)) throw new Mismatch(where, "a list");
  return value.map((item, i) => check(item, `${where}[${i}]`));
};

export const one_of = <T extends string>(...allowed: T[]): Check<T> => (value, where) => {
  if (!(allowed as unknown[]).includes(value)) throw new Mismatch(where, allowed.join(" or "));
  return value as T;
};

// Fields it doesn't know are left out: a newer box may send more.
export const object = <T extends object>(fields: { [K in keyof T]-?: Check<T[K]> }): Check<T> => (value, where) => {
  if (typeof value !== "object" || value === null) throw new Mismatch(where, "an object");
  const out: Partial<T> = {};
  for (const key of Object.keys(fields) as (keyof T & string)[]) {
    out[key] = fields[key]((value as Record<string, unknown>)[key], `${where}.${key}`);
  }
  return out as T;
};
