import { describe, expect, test } from "vitest";
import { findDuplicates, loadManifests } from "./load.ts";
import { aliasCountMax, bracketDepthMax, listItemsMax, manifestBytesMax, parseManifests } from "./parse.ts";
import { formatProblem, problemsMax } from "./problem.ts";

const head = "apiVersion: sallyport.dev/v1alpha1\n";

function grant(name: string, more = ""): string {
  return `${head}kind: Grant
metadata:
  name: ${name}
spec:
  principal:
    name: ada
  databaseRef: {name: orders}
  roleName: read_only
  durationSeconds: 3600
  notAfterTime: 2026-12-31T18:00:00Z
${more}`;
}

function problemsOf(text: string): readonly string[] {
  return loadManifests(text, "grants/ada.yaml").problems.map(formatProblem);
}

describe("a problem says where it is and what was expected", () => {
  const cases: readonly (readonly [title: string, text: string, problem: string])[] = [
    [
      "a wrong type",
      grant("ada").replace("3600", '"1h"'),
      'grants/ada.yaml:10:20: spec.durationSeconds: must be an integer from 60 to 604800, found "1h"',
    ],
    [
      "an unknown field",
      grant("ada", "  suspends: true\n"),
      'grants/ada.yaml:12:3: spec.suspends: is not a field of spec; did you mean "suspend"?',
    ],
    [
      "a missing field",
      grant("ada").replace("  roleName: read_only\n", ""),
      "grants/ada.yaml:6:3: spec.roleName: is required",
    ],
    [
      "a broken rule",
      grant("ada", "  startTime: 2027-01-01T00:00:00Z\n"),
      "grants/ada.yaml:12:14: spec.startTime: startTime must be earlier than notAfterTime",
    ],
    [
      "a number where text belongs",
      grant("ada").replace("name: ada\n  database", "name: 7\n  database"),
      "grants/ada.yaml:7:11: spec.principal.name: must be a string, found 7; put it in quotes",
    ],
    [
      "an unknown kind",
      `${head}kind: Grants\n`,
      'grants/ada.yaml:2:7: kind: must be one of AccessWorkflow, Availability, Database, Grant, GrantReview, Proxy, found "Grants"; did you mean "Grant"?',
    ],
    [
      "another version",
      "apiVersion: sallyport.dev/v1\nkind: Grant\n",
      'grants/ada.yaml:1:13: apiVersion: must be sallyport.dev/v1alpha1, found "sallyport.dev/v1"',
    ],
    [
      "a key that stands twice",
      grant("ada", "  roleName: other\n"),
      "grants/ada.yaml:12:3: spec.roleName: must not be given twice",
    ],
    ["a tab", "a:\n\tb: c\n", "grants/ada.yaml:2:1: must be indented with spaces, found a tab"],
    [
      "a tag",
      grant("ada").replace("3600", "!long 3600"),
      "grants/ada.yaml:10:20: has a tag (`!…`) that is not known; remove it",
    ],
    [
      "text that is no object",
      "hello\n",
      'grants/ada.yaml:1:1: must be an object with apiVersion and kind, found "hello"',
    ],
    [
      "a bad metadata field",
      grant("ada").replace("  name: ada\nspec", "  nam: ada\nspec"),
      'grants/ada.yaml:4:3: metadata.nam: is not a field of metadata; did you mean "name"?',
    ],
    [
      "a list that has no items",
      "apiVersion: v1\nkind: List\n",
      "grants/ada.yaml:1:1: items: must be a list of objects",
    ],
  ];

  test.for(cases)("%s", ([, text, problem]) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  test("in the second document, by the lines of the file", () => {
    const text = `${grant("ada")}---\n${grant("grace").replace("3600", "1")}`;

    expect(problemsOf(text)).toEqual([
      "grants/ada.yaml:22:20: spec.durationSeconds: must be an integer from 60 to 604800, found 1",
    ]);
  });

  test("in a list, by the place of the entry", () => {
    const items = [grant("ada"), grant("grace").replace("3600", "1")].map(
      (text) => `- ${text.trimEnd().replaceAll("\n", "\n  ")}\n`,
    );
    const text = `apiVersion: v1\nkind: List\nitems:\n${items.join("")}`;

    const { objects, problems } = loadManifests(text, "all.yaml");

    expect(objects.map(({ object }) => object.metadata.name)).toEqual(["ada"]);
    expect(problems.map(formatProblem)).toEqual([
      "all.yaml:24:22: spec.durationSeconds: must be an integer from 60 to 604800, found 1",
    ]);
  });

  test("through an alias, at the place of the anchored value", () => {
    const text = grant("ada")
      .replace("{name: orders}", "&x {name: Orders}")
      .replace("principal:\n    name: ada", "principal: {name: ada}");

    expect(problemsOf(text)[0]).toMatch(
      /^grants\/ada\.yaml:7:26: spec\.databaseRef\.name: must be a name of lower-case letters/,
    );
  });

  test("control characters of a file never reach a terminal", () => {
    const text = JSON.stringify({
      apiVersion: "sallyport.dev/v1alpha1",
      kind: "Grant",
      metadata: { name: "ada" },
      "\u001b[2J\u202e": 1,
    });

    expect(problemsOf(text).join(" ")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

describe("plain scalars that readers disagree on are refused", () => {
  const refused = [
    ..."y Y yes Yes YES n N no No NO on On ON off Off OFF".split(" "),
    ..."010 -012 +07 00 0o17 0b101 1_000 0x_ff 1.5_0 1:30 12:30:45 1e3 1.5e3 -2E+4 << =".split(" "),
  ];
  const accepted =
    "null ~ true false 0 10 -5 +5 0x1f 1.5 .5 a-b 1a yesterday once 2026-12-31 v1.0 12:99 1::2 _1 e3 a1_b read_only".split(
      " ",
    );

  test.for(refused)("%s", (scalar) => {
    const { problems, documents } = parseManifests(`${head}kind: Grant\nspec:\n  field: ${scalar}\n`, "f.yaml");

    expect(documents).toEqual([]);
    expect(problems.map(formatProblem)).toEqual([
      expect.stringContaining(`f.yaml:4:10: spec.field: must not be unquoted ${scalar}: it `),
    ]);
  });

  test.for(refused)("but in quotes %s is text", (scalar) => {
    const { documents } = parseManifests(`${head}kind: Grant\nspec:\n  field: '${scalar}'\n`, "f.yaml");

    expect(documents[0]?.object).toMatchObject({ spec: { field: scalar } });
  });

  test.for(accepted)("while %s means the same to all", (scalar) => {
    expect(parseManifests(`${head}kind: Grant\nspec:\n  field: ${scalar}\n`, "f.yaml").problems).toEqual([]);
  });

  test("also as keys, which must be text", () => {
    for (const key of ["yes", "1", "true", "null", "[a, b]", "<<"]) {
      expect(parseManifests(`${head}kind: Grant\n? ${key}\n: x\n`, "f.yaml").problems).not.toEqual([]);
    }
  });
});

describe("what a file may hold", () => {
  test("several documents, empty ones and comments", () => {
    const text = `# nothing\n---\n---\n${grant("ada")}---\n# end\n---\n${grant("grace")}...\n`;

    expect(
      loadManifests(text, "f.yaml").objects.map(({ object, position }) => [object.metadata.name, position.line]),
    ).toEqual([
      ["ada", 4],
      ["grace", 18],
    ]);
  });

  test("JSON, indented with tabs too, and with a byte order mark", () => {
    const { documents } = parseManifests(grant("ada"), "f.yaml");
    const text = `\uFEFF${JSON.stringify(documents[0]?.object, null, "\t")}`;

    const { objects, problems } = loadManifests(Buffer.from(text), "f.json");

    expect(problems).toEqual([]);
    expect(objects.map(({ object }) => object.metadata.name)).toEqual(["ada"]);
  });

  test("the list of a kind, as kubectl prints it", () => {
    const item = parseManifests(grant("ada"), "f.yaml").documents[0]?.object;
    const text = JSON.stringify({
      apiVersion: "sallyport.dev/v1alpha1",
      kind: "GrantList",
      metadata: {},
      items: [item],
    });

    expect(loadManifests(text, "f.json").objects).toHaveLength(1);
  });

  test("a status, of which a warning says that it is ignored", () => {
    const { objects, problems } = loadManifests(
      grant("ada", "status: {grantID: gaaaaaaaaaaaaaaaaaaaaaaaaaa}\n"),
      "f.yaml",
    );

    expect(objects).toHaveLength(1);
    expect(problems.map(formatProblem)).toEqual([
      "f.yaml:12:1: warning: status: is written by the controller; what a file says about it is ignored",
    ]);
  });

  test("a broken document beside good ones, which are still given", () => {
    const { objects, problems } = loadManifests(`${grant("ada")}---\na: [\n---\n${grant("grace")}`, "f.yaml");

    expect(objects.length).toBeGreaterThan(0);
    expect(problems.length).toBeGreaterThan(0);
  });

  test("an object only once, whichever file it stands in", () => {
    const placed = ["a.yaml", "b.yaml"].flatMap((file) => loadManifests(grant("ada"), file).objects);

    expect(findDuplicates(placed).map(formatProblem)).toEqual([
      "b.yaml:4:9: metadata.name: must be unique: Grant/default/ada is already defined at a.yaml:1",
    ]);
  });

  test("transition rules hold against what was accepted before", () => {
    const old = loadManifests(grant("ada"), "f.yaml").objects[0]?.object;

    const { problems } = loadManifests(grant("ada").replace("3600", "7200"), "f.yaml", { oldOf: () => old });

    expect(problems.map(({ path }) => path)).toEqual(["spec.durationSeconds"]);
  });
});

describe("limits", () => {
  test("a file of the largest size is read, one byte more is not", () => {
    const text = grant("ada");
    const filler = `# ${"x".repeat(manifestBytesMax - text.length - 3)}\n`;

    expect(loadManifests(filler + text, "f.yaml").objects).toHaveLength(1);
    expect(problemsOf(`#${filler}${text}`)).toEqual([
      `grants/ada.yaml:1:1: must be at most ${manifestBytesMax} bytes, found ${manifestBytesMax + 1}; split the file`,
    ]);
  });

  test("aliases that would grow are refused", () => {
    const rows = Array.from(
      { length: 9 },
      (_, index) =>
        `a${index}: &a${index} [${Array(9)
          .fill(`*a${index - 1}`)
          .join(", ")}]`,
    );
    const bomb = ["a: &a-1 [x]", ...rows].join("\n");

    expect(problemsOf(bomb)).toEqual([expect.stringContaining(`grow to more than ${aliasCountMax}`)]);
    expect(problemsOf("&a [*a]\n")).toHaveLength(1);
  });

  test("nesting is bounded, with brackets and without", () => {
    expect(problemsOf("[".repeat(bracketDepthMax + 1))).toEqual([expect.stringContaining("must not be nested deeper")]);
    expect(problemsOf("- ".repeat(20_000))).toEqual(["grants/ada.yaml:1:1: must not be nested so deeply"]);
  });

  test("of a file full of mistakes the first ones are told", () => {
    const { problems } = parseManifests("--- a\n".repeat(10 * problemsMax), "f.yaml");

    expect(problems).toHaveLength(problemsMax);
  });

  test("of an object with thousands of unknown fields too", () => {
    const fields = Array.from({ length: 20_000 }, (_, index) => `  field${index}: 1\n`).join("");

    const { problems } = loadManifests(grant("ada", fields), "f.yaml");

    expect(problems).toHaveLength(problemsMax);
  });

  test("a list may be long, but not endless", () => {
    const text = `apiVersion: v1\nkind: List\nitems: [${"{apiVersion: sallyport.dev/v1alpha1, kind: Grant},".repeat(listItemsMax + 1)}]`;

    const { documents, problems } = parseManifests(text, "f.yaml");

    expect(documents).toHaveLength(listItemsMax);
    expect(problems.map(({ message }) => message)).toEqual([
      `must have at most ${listItemsMax} entries, found ${listItemsMax + 1}`,
    ]);
  });

  test("bytes that are not UTF-8 are refused", () => {
    const { problems } = parseManifests(Buffer.from([0x61, 0x3a, 0x20, 0xff, 0xfe]), "f.yaml");

    expect(problems.map(formatProblem)).toEqual(["f.yaml:1:1: must be UTF-8 text"]);
  });
});
