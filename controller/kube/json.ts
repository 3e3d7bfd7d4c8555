/**
 * What YAML (1.2, 5.1 and 5.4) does not take as it stands, or reads as a break of the line: DEL, C1 controls, separators, byte order mark and no
 * characters. JSON lets them stand. Half a pair of surrogates is none in either, and is replaced beforehand.
 */
const notInYaml = /[\u007F-\u009F\u2028\u2029\uFEFF\uFFFE\uFFFF]/g;

/**
 * JSON that an API server reads to the same value wherever it takes JSON for YAML, as it does with the body of a server-side apply. Text that people
 * wrote comes into statuses: none may keep a status from being written.
 */
export function kubeJSON(value: unknown): string {
  const text = JSON.stringify(value, (_, part: unknown) => (typeof part === "string" ? part.toWellFormed() : part));
  return text.replaceAll(notInYaml, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The value as the server will give it back. */
export function asStored<T>(value: T): T {
  return JSON.parse(kubeJSON(value)) as T;
}
