import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { cacheDirectory } from "../node24.mjs";
import { build } from "./built.ts";
import { command } from "./command.ts";
import { archiveUnreachable, isMissing, type Part } from "./part.ts";

/** Programs of a newer suite than the system's, which run from a folder of their own with their own C library. */
export interface SuiteFolder {
  /** Holds `bin/<program>`, which start through the folder's own loader, and the packages' `usr/`. */
  readonly folder: string;
  /** Debian's version of the leading package. */
  readonly version: string;
}

/** What to bring. */
export interface SuiteRequest {
  /** First part of the folder's name in the cache. */
  readonly name: string;
  /** Packages; the first one gives the version. Their dependencies come along. */
  readonly packages: readonly string[];
  /** Programs by their place in the packages, such as `usr/sbin/mysqld`. */
  readonly programs: readonly string[];
}

const suite = "unstable";
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** The newest that was brought before; undefined when none was. */
export function findInSuite(request: SuiteRequest): SuiteFolder | undefined {
  const folders = globSync(`${request.name}-*/ready`, { cwd: cacheDirectory() }).map((ready) => path.dirname(ready));
  const newest = folders.toSorted((one, other) => one.localeCompare(other, "en", { numeric: true })).at(-1);
  return newest === undefined
    ? undefined
    : { folder: path.join(cacheDirectory(), newest), version: newest.slice(request.name.length + 1) };
}

/**
 * Brings packages of Debian's unstable suite without any change to the system: apt runs with a configuration of its own, takes the
 * mirror from the system's own sources, and verifies the archive with the system's keyring; the packages are unpacked, not installed.
 */
export function bringFromSuite(request: SuiteRequest, report: (text: string) => void): Part<SuiteFolder> {
  const found = findInSuite(request);
  if (found !== undefined) {
    return found;
  }
  const mirror = systemMirror();
  if (mirror === undefined || !existsSync(keyring) || !existsSync("/usr/bin/apt-get")) {
    return { missing: `${request.name} comes from Debian's archive, and this is not Debian` };
  }
  const work = mkdtempSync(path.join(tmpdir(), "sallyport-apt-"));
  try {
    report(`bringing ${request.packages[0]} of Debian's ${suite} suite into a folder (about 80 MB, once)`);
    return bring(request, mirror, work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function bring(request: SuiteRequest, mirror: string, work: string): Part<SuiteFolder> {
  const env = { APT_CONFIG: writeConfiguration(mirror, work), DEBIAN_FRONTEND: "noninteractive" };
  const fetched = [
    ["update", "-qq", "--error-on=any"],
    ["install", "-y", "-qq", "--download-only", "--no-install-recommends", ...request.packages],
  ];
  for (const args of fetched) {
    const done = command("apt-get", args, env);
    if ("failed" in done) {
      return { missing: `${archiveUnreachable}apt-get ${args[0]}: ${done.failed}` };
    }
  }
  const archives = readdirSync(path.join(work, "archives")).filter((name) => name.endsWith(".deb"));
  const lead = archives.find((name) => name.startsWith(`${request.packages[0]}_`)) ?? "";
  const version = decodeURIComponent(lead.split("_")[1] ?? "").replaceAll(/[^\w.+~-]/g, "-");
  const target = path.join(cacheDirectory(), `${request.name}-${version}`);
  const built = build(target, (staging) => {
    for (const archive of archives) {
      const done = command("dpkg-deb", ["-x", path.join(work, "archives", archive), staging]);
      if ("failed" in done) {
        return `${archive} could not be unpacked: ${done.failed}`;
      }
    }
    trim(staging);
    writeStarters(staging, request.programs);
    return undefined;
  });
  return isMissing(built) ? built : { ...built, version };
}

/** The address of the mirror that the system itself installs from: of its first source that is no security archive. */
function systemMirror(): string | undefined {
  const files = [
    ...globSync("/etc/apt/sources.list.d/*.sources"),
    "/etc/apt/sources.list",
    ...globSync("/etc/apt/sources.list.d/*.list"),
  ].filter((file) => existsSync(file));
  for (const file of files) {
    for (const block of readFileSync(file, "utf8").split(/\n\s*\n/)) {
      const uri = /^URIs:\s*(\S+)/m.exec(block)?.[1] ?? /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)/m.exec(block)?.[1];
      if (uri !== undefined && /\/debian\/?$/.test(uri)) {
        return uri;
      }
    }
  }
  return undefined;
}

/** An apt that knows nothing of the system: no package is installed, so every dependency down to the C library comes along. */
function writeConfiguration(mirror: string, work: string): string {
  mkdirSync(path.join(work, "lists", "partial"), { recursive: true });
  mkdirSync(path.join(work, "archives", "partial"), { recursive: true });
  writeFileSync(path.join(work, "status"), "");
  writeFileSync(path.join(work, "sources.list"), `deb [signed-by=${keyring}] ${mirror} ${suite} main\n`);
  const settings = {
    "Dir::Etc::sourcelist": path.join(work, "sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::Etc::preferencesparts": "/dev/null",
    "Dir::State": work,
    "Dir::State::lists": path.join(work, "lists"),
    "Dir::State::status": path.join(work, "status"),
    "Dir::Cache": work,
    "Dir::Cache::archives": path.join(work, "archives"),
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
    "Acquire::Retries": "2",
    "Acquire::http::Timeout": "30",
  };
  const file = path.join(work, "apt.conf");
  writeFileSync(
    file,
    Object.entries(settings)
      .map(([name, value]) => `${name} "${value}";\n`)
      .join(""),
  );
  return file;
}

/** Documentation and Perl: half of the bytes, needed by nothing that runs here. */
function trim(folder: string): void {
  const unused = [
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/perl",
    "usr/share/info",
    "usr/include",
  ];
  for (const name of [...unused, ...globSync("usr/lib/*/perl*", { cwd: folder })]) {
    rmSync(path.join(folder, name), { recursive: true, force: true });
  }
}

/** `bin/<program>`: a script that starts the program through the folder's own loader and libraries, wherever the folder is. */
function writeStarters(folder: string, programs: readonly string[]): void {
  const [loader = ""] = globSync("usr/lib/*/ld-linux-*.so.*", { cwd: folder });
  mkdirSync(path.join(folder, "bin"), { recursive: true });
  for (const program of programs) {
    const file = path.join(folder, "bin", path.basename(program));
    const start = `exec "$here/${loader}" --library-path "$here/${path.dirname(loader)}" "$here/${program}" "$@"`;
    writeFileSync(file, `#!/bin/sh\nhere=\${0%/bin/*}\n${start}\n`);
    chmodSync(file, 0o755);
  }
}
