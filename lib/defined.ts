type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Drops what is undefined, so that optional properties are absent instead. */
export function defined<T extends Record<string, unknown>>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
}
