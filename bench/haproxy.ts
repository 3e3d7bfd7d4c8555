import path from "node:path";
import { freePort } from "#test/harness/postgres.ts";
import { start } from "./child.ts";
import { makeFolder, unprivileged, writeOwned } from "./folder.ts";
import { type Rival, untilListening } from "./pgbouncer.ts";
import { findProgram } from "./programs.ts";

/** Starts HAProxy in TCP mode in front of a port, with one thread, as PgBouncer and Sallyport have one. */
export async function startHAProxy(upstreamPort: number): Promise<Rival> {
  const folder = makeFolder("haproxy");
  const port = await freePort();
  const lines = [
    "global",
    "  nbthread 1",
    "  maxconn 6000",
    "defaults",
    "  mode tcp",
    "  timeout connect 10s",
    "  timeout client 1h",
    "  timeout server 1h",
    "listen bench",
    `  bind 127.0.0.1:${port}`,
    `  server database 127.0.0.1:${upstreamPort}`,
  ];
  const config = writeOwned(path.join(folder, "haproxy.cfg"), `${lines.join("\n")}\n`);
  const started = start(findProgram("haproxy"), ["-db", "-f", config], { ...unprivileged, cwd: folder });
  await untilListening(port);
  return { ...started, port };
}
