import { existsSync, rmSync, writeFileSync } from "node:fs";
import { chromiumFile } from "./chromium.ts";
import { command } from "./command.ts";
import { rememberMissing } from "./part.ts";

/** Programs that tests start, and the Debian package of each. What is there already, from wherever, is used. */
const wanted: readonly { readonly part: string; readonly file: string; readonly packages: readonly string[] }[] = [
  { part: "postgres15", file: "/usr/lib/postgresql/15/bin/postgres", packages: ["postgresql-15"] },
  { part: "psql", file: "/usr/bin/psql", packages: ["postgresql-client-15"] },
  { part: "pgbouncer", file: "/usr/sbin/pgbouncer", packages: ["pgbouncer"] },
  { part: "haproxy", file: "/usr/sbin/haproxy", packages: ["haproxy"] },
  { part: "mariadb", file: "/usr/sbin/mariadbd", packages: ["mariadb-server-core"] },
  { part: "mariadb-dump", file: "/usr/bin/mariadb-dump", packages: ["mariadb-client"] },
  { part: "sysbench", file: "/usr/bin/sysbench", packages: ["sysbench"] },
  { part: "rsyslog", file: "/usr/sbin/rsyslogd", packages: ["rsyslog", "rsyslog-gnutls"] },
  { part: "java", file: "/usr/bin/javac", packages: ["default-jdk-headless"] },
  { part: "maven", file: "/usr/bin/mvn", packages: ["maven"] },
  { part: "zsh", file: "/usr/bin/zsh", packages: ["zsh"] },
  { part: "fish", file: "/usr/bin/fish", packages: ["fish"] },
  // Without a font of its own a page's text has no size that two machines agree on.
  { part: "chromium", file: chromiumFile, packages: ["chromium-headless-shell", "fonts-dejavu-core"] },
];

const policyFile = "/usr/sbin/policy-rc.d";

/** Installs what is missing with apt where this is Debian and root; elsewhere it remembers why it did not. */
export function bringDebianPackages(report: (text: string) => void): void {
  const absent = wanted.filter(({ file }) => !existsSync(file));
  if (absent.length === 0) {
    return;
  }
  const why = cannotInstall();
  const reason =
    why ??
    install(
      absent.flatMap(({ packages }) => packages),
      report,
    );
  for (const { part, file, packages } of absent) {
    if (!existsSync(file)) {
      rememberMissing(part, `${file} (Debian: ${packages.join(" ")}) is not here: ${reason ?? "its package lacks it"}`);
    }
  }
}

function cannotInstall(): string | undefined {
  if (!existsSync("/etc/debian_version") || !existsSync("/usr/bin/apt-get")) {
    return "this is not Debian, where set-up would install it";
  }
  return process.getuid?.() === 0 ? undefined : "set-up is not root and cannot install it";
}

/** The reason why it failed, or undefined. No service of an installed package is started: `policy-rc.d` forbids it meanwhile. */
function install(packages: readonly string[], report: (text: string) => void): string | undefined {
  report(`installing ${packages.join(" ")} with apt-get (once)`);
  const isOurs = !existsSync(policyFile);
  if (isOurs) {
    writeFileSync(policyFile, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  }
  try {
    const env = { DEBIAN_FRONTEND: "noninteractive" };
    const updated = command("apt-get", ["update", "-qq"], env);
    const installed = command("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], env);
    return "failed" in installed ? `${installed.failed} ${"failed" in updated ? updated.failed : ""}` : undefined;
  } finally {
    if (isOurs) {
      rmSync(policyFile, { force: true });
    }
  }
}
