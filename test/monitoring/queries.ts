import type { MetricDefinition } from "#lib/metrics/definition.ts";

/** One metric as a query asks for it. */
export interface Selector {
  readonly metric: string;
  /** Labels by which it is selected. */
  readonly labels: readonly string[];
}

/** What a PromQL query names. Whether it is PromQL at all, promtool says. */
export interface QueryNames {
  readonly selectors: readonly Selector[];
  /** Labels by which results are grouped or joined. */
  readonly grouping: readonly string[];
}

const keywords = new Set(["and", "or", "unless", "by", "without", "on", "ignoring", "offset", "bool"]);
const groupings = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;

/** Finds metrics and labels. Strings, ranges, numbers and groupings are taken out; what is then left of names is a function's, a word of the language, or a metric's. */
export function namesIn(query: string): QueryNames {
  const plain = query
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, '""')
    .replaceAll(/\[[^\]]*\]/g, "")
    .replaceAll(/\b\d[\w.]*/g, "0");
  const grouping = [...plain.matchAll(groupings)].flatMap(([, list = ""]) => namesOf(list));
  const selectors: Selector[] = [];
  for (const match of plain.replaceAll(groupings, " ").matchAll(/([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\}|(\())?/g)) {
    const [, metric = "", matchers = "", call] = match;
    if (call === undefined && !keywords.has(metric)) {
      selectors.push({ metric, labels: [...matchers.matchAll(/(\w+)\s*[=!]/g)].map(([, label = ""]) => label) });
    }
  }
  return { selectors, grouping };
}

/** What a query names that no definition has: a metric, or a label that none of its metrics carries. */
export function unknownIn(query: string, definitions: readonly MetricDefinition[]): string[] {
  const { selectors, grouping } = namesIn(query);
  const carried = new Set(targetLabels);
  const unknown: string[] = [];
  for (const { metric, labels } of selectors) {
    const own = labelsOf(metric, definitions);
    if (own === undefined) {
      unknown.push(metric);
      continue;
    }
    for (const label of own) {
      carried.add(label);
    }
    const known = [...own, ...targetLabels];
    unknown.push(...labels.filter((label) => !known.includes(label)).map((label) => `${metric}{${label}}`));
  }
  return [...unknown, ...grouping.filter((label) => !carried.has(label)).map((label) => `by (${label})`)];
}

/** Labels that a scraper adds. */
const targetLabels: readonly string[] = ["job", "instance", "pod"];

function labelsOf(metric: string, definitions: readonly MetricDefinition[]): readonly string[] | undefined {
  const plain = definitions.find(({ name, type }) => name === metric && type !== "histogram");
  const part = /^(.*)_(bucket|sum|count)$/.exec(metric);
  const histogram = definitions.find(({ name, type }) => name === part?.[1] && type === "histogram");
  return plain?.labels ?? (histogram && [...histogram.labels, ...(part?.[2] === "bucket" ? ["le"] : [])]);
}

function namesOf(list: string): string[] {
  return list.split(",").map((name) => name.trim());
}
