import { createHash } from "node:crypto";
import { copyFileSync, existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";
import { cacheDirectory } from "../node24.mjs";
import { prepareVenv, venvProgram } from "../python.ts";
import { build } from "./built.ts";
import { command } from "./command.ts";
import { bringGoPrograms, findGoPrograms, type GoPrograms } from "./go-programs.ts";
import { isMissing, type Part, reasonFor, remember } from "./part.ts";

/** The programs of the compatibility matrix that are not Node's: each language's sources and what pins its drivers. */
const sources = path.join(import.meta.dirname, "..", "..", "test", "compatibility", "clients");
const requirements = path.join(sources, "requirements.txt");
const goPrograms: GoPrograms = {
  part: "go",
  folder: "drivers-go",
  module: path.join(sources, "go"),
  name: "the Go drivers' programs",
  cost: "about a minute",
  builds: [{ package: "./..." }],
};
/** Its releases differ in what they print, not in what they copy. */
const copyDependencies = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/** Where the drivers are, or why they are missing. */
export interface DriverParts {
  /** Interpreter with the drivers installed. */
  readonly python: Part<{ readonly file: string }>;
  /** Folder of the built programs, one for each driver. */
  readonly go: Part<{ readonly folder: string }>;
  /** Class path of the compiled programs and their drivers. */
  readonly java: Part<{ readonly classPath: string }>;
}

/** Looks for the drivers; brings nothing. */
export function driverParts(): Promise<DriverParts> {
  return Promise.resolve({
    python: venvProgram(requirements, "python3", "python"),
    go: findGoPrograms(goPrograms),
    java: javaIn(javaTarget()) ?? { missing: reasonFor("java drivers") },
  });
}

/** Brings what is missing from the languages' own registries, with their own clients. */
export function bringDrivers(report: (text: string) => void): void {
  const python = prepareVenv(requirements, () => report("bringing psycopg and PyMySQL from PyPI (about 10 MB, once)"));
  remember("python", python);
  bringGoPrograms(goPrograms, report);
  remember("java drivers", javaIn(javaTarget()) ?? buildJava(javaTarget(), report));
}

/** A folder for exactly these sources: their names and contents are in its name. */
function javaTarget(): string {
  const hash = createHash("sha256");
  for (const file of globSync("java/{pom.xml,jars.sha256,src/*.java}", { cwd: sources }).toSorted()) {
    hash.update(`${file}\0`).update(readFileSync(path.join(sources, file)));
  }
  return path.join(cacheDirectory(), `drivers-java-${hash.digest("hex").slice(0, 12)}`);
}

function buildJava(target: string, report: (text: string) => void): Part<{ readonly classPath: string }> {
  report("bringing the Java drivers with Maven (about 4 MB, once)");
  const brought = build(target, (staging) => {
    copyFileSync(path.join(sources, "java", "pom.xml"), path.join(staging, "pom.xml"));
    const options = ["-q", "-B", "-f", path.join(staging, "pom.xml"), "-DexcludeTransitive=true"];
    const jars = command("mvn", [...options, copyDependencies, `-DoutputDirectory=${path.join(staging, "jars")}`]);
    if ("failed" in jars) {
      return `the Java drivers could not be brought: ${jars.failed}`;
    }
    const wrong = wrongJar(staging);
    if (wrong !== undefined) {
      return `${wrong} is not the file that its checksum names`;
    }
    const files = globSync("java/src/*.java", { cwd: sources }).map((file) => path.join(sources, file));
    const classes = command("javac", [
      "-encoding",
      "UTF-8",
      "-cp",
      `${staging}/jars/*`,
      "-d",
      `${staging}/classes`,
      ...files,
    ]);
    return "failed" in classes ? `the Java programs could not be compiled: ${classes.failed}` : undefined;
  });
  return isMissing(brought) ? brought : (javaIn(target) ?? { missing: "the Java drivers are not where they were put" });
}

/** Name of a jar that differs from `jars.sha256`. */
function wrongJar(folder: string): string | undefined {
  const lines = readFileSync(path.join(sources, "java", "jars.sha256"), "utf8")
    .trim()
    .split("\n");
  const wrong = lines.find((line) => {
    const [sum, name = ""] = line.split(/\s+/);
    const file = path.join(folder, "jars", name);
    return !existsSync(file) || createHash("sha256").update(readFileSync(file)).digest("hex") !== sum;
  });
  return wrong?.split(/\s+/)[1];
}

function javaIn(folder: string): { readonly classPath: string } | undefined {
  return existsSync(path.join(folder, "ready"))
    ? { classPath: `${folder}/classes${path.delimiter}${folder}/jars/*` }
    : undefined;
}
