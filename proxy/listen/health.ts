import { once } from "node:events";
import { rmSync } from "node:fs";
import { createServer } from "node:net";

/** Name of the health socket in the working directory. A file, since every TCP port of the task can be forwarded to people. */
export const healthSocketName = "health.sock";

/** What the socket tells: one line of JSON, then it closes. */
export interface HealthFacts {
  readonly status: "ok" | "draining" | "stopping";
  readonly controller: "connected" | "lost";
  /** Whether the controller ever accepted this process: before that it can serve nobody. ECS's health check asks for it. */
  readonly ready: boolean;
  readonly sessions: number;
}

/** Serves health on a unix socket. Returns how to stop. */
export async function serveHealth(path: string, facts: () => HealthFacts): Promise<() => void> {
  rmSync(path, { force: true });
  const server = createServer((stream) => {
    stream.on("error", () => {});
    stream.end(`${JSON.stringify(facts())}\n`);
    stream.resume();
  });
  server.listen(path);
  await once(server, "listening");
  return () => {
    server.close();
    rmSync(path, { force: true });
  };
}
