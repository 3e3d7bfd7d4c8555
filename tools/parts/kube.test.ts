import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { bringKube, kubectlPart, kubePart } from "./kube.ts";
import { isMissing } from "./part.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "sallyport-kube-part-"));
  vi.stubEnv("XDG_CACHE_HOME", path.join(folder, "cache"));
  vi.stubEnv("KUBEBUILDER_ASSETS", undefined);
  vi.stubEnv("SALLYPORT_MISSING_PARTS", undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

function program(name: string, script: string): void {
  writeFileSync(path.join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(path.join(folder, name), 0o755);
}

describe("KUBEBUILDER_ASSETS", () => {
  test("goes before what was built, and nothing is built then", () => {
    vi.stubEnv("KUBEBUILDER_ASSETS", folder);
    program("kube-apiserver", "exit 0");
    program("etcd", "exit 0");

    bringKube(() => expect.unreachable("they are there already"));

    expect(kubePart()).toEqual({
      apiserver: path.join(folder, "kube-apiserver"),
      etcd: path.join(folder, "etcd"),
    });
  });

  test("that leads nowhere is told, not passed over", () => {
    vi.stubEnv("KUBEBUILDER_ASSETS", folder);

    bringKube(() => expect.unreachable("somebody else's are wanted"));

    expect(kubePart()).toEqual({ missing: `KUBEBUILDER_ASSETS is ${folder}, which has no kube-apiserver and etcd` });
  });
});

describe("without it", () => {
  test("a machine without Go says so", () => {
    vi.stubEnv("PATH", folder);

    bringKube(() => expect.unreachable("there is nothing to build with"));

    expect(kubePart()).toEqual({ missing: expect.stringContaining("there is no Go") });
  });

  test("both are built from our module, moved to the cache when both are whole, and found from then on", () => {
    // `go -C MODULE build … -o FILE PACKAGE` writes its own command line into FILE.
    program(
      "go",
      `[ "$1" = version ] && { echo go1.26.8; exit; }\nfor last; do file=$was; was=$last; done\n${writeFile}`,
    );
    vi.stubEnv("PATH", `${folder}${path.delimiter}/usr/bin${path.delimiter}/bin`);
    const said: string[] = [];

    bringKube((text) => said.push(text));
    bringKube((text) => said.push(text));

    const part = kubePart();
    const commandLine = isMissing(part) ? part.missing : readFileSync(part.apiserver, "utf8");
    expect(commandLine).toMatch(
      /-mod=readonly .*version\.gitVersion=v1\.\d+\.\d+ .* k8s\.io\/kubernetes\/cmd\/kube-apiserver$/m,
    );
    expect(said).toHaveLength(1);
  });

  test("a build that fails leaves nothing, and its last word is the reason", () => {
    program("go", `[ "$1" = version ] && { echo go1.26.8; exit; }\necho "go: checksum mismatch" >&2; exit 1`);
    vi.stubEnv("PATH", `${folder}${path.delimiter}/usr/bin${path.delimiter}/bin`);

    bringKube(() => {});

    expect(kubePart()).toEqual({ missing: "etcd could not be built: go: checksum mismatch" });
    expect(existsSync(path.join(folder, "cache", "sallyport"))).toBe(true);
  });
});

const writeFile = 'echo "$@" > "$file"; chmod +x "$file"';

describe("kubectl", () => {
  test("that is nowhere is missing", () => {
    vi.stubEnv("PATH", folder);

    expect(kubectlPart()).toEqual({ missing: "there is no kubectl on PATH" });
  });

  test("beside the API server goes before the one on PATH", () => {
    vi.stubEnv("KUBEBUILDER_ASSETS", folder);
    program("kubectl", "exit 0");

    expect(kubectlPart()).toEqual({ file: path.join(folder, "kubectl") });
  });
});
