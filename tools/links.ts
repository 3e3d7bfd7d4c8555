import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";

/** What was looked at and which links lead nowhere, one line each. */
export interface LinkReport {
  readonly links: number;
  readonly problems: readonly string[];
}

/** Checks that every relative link of every document below `root` leads to a file, and its `#…` to a heading. What is on the web is not asked. */
export function checkLinks(root: string): LinkReport {
  const files = globSync("**/*.md", { cwd: root, exclude: ["node_modules"] });
  const links = files.flatMap((file) =>
    linksOf(readFileSync(path.join(root, file), "utf8")).map((link) => ({ file, link })),
  );
  const problems = links.flatMap(({ file, link }) => {
    const why = problemOf(root, file, link);
    return why === undefined ? [] : [`${file}: ${link}: ${why}`];
  });
  return { links: links.length, problems };
}

/** Relative links of a document, as they are written. Code is no document. */
export function linksOf(text: string): readonly string[] {
  const prose = text.replaceAll(/^ *```[\s\S]*?^ *```/gm, "").replaceAll(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link).filter((link) => !/^[a-z]+:/.test(link));
}

function problemOf(root: string, file: string, link: string): string | undefined {
  const [to = "", heading] = link.split("#");
  const target = to === "" ? path.join(root, file) : path.join(root, path.dirname(file), to);
  if (!existsSync(target)) {
    return "there is no such file";
  }
  const isThere =
    heading === undefined || !target.endsWith(".md") || anchors(readFileSync(target, "utf8")).includes(heading);
  return isThere ? undefined : "there is no such heading";
}

/** A heading's anchor as GitHub makes it: lower case, spaces to hyphens, nothing but words and hyphens. */
function anchors(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
    title
      .trim()
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}
