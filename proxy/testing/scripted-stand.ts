import { capability } from "../mysql/capabilities.ts";
import { trackedCapabilities } from "../mysql/protocol.ts";
import type { SessionPorts } from "../session/engine.ts";
import { okPayload, type ScriptedMySql, type ScriptedOptions, startScriptedMySql } from "./scripted-mysql.ts";
import { type Stand, startStand } from "./stand.ts";

/** All that is offered but query attributes, with which the text of a query is not all that there is in its packet. */
export const plainFlags = trackedCapabilities.mysql & ~capability.queryAttributes;

/** What the proxy logged in to a scripted server with. */
export interface Seen {
  readonly flags: number;
  readonly extended: number;
  /** User name and what follows it, one character a byte. */
  readonly text: string;
}

/** A server that lets everybody in and answers every command with an OK. */
export function obliging(seen: Seen[] = []): NonNullable<ScriptedOptions["script"]> {
  return async ({ channel, login }) => {
    seen.push({ flags: login.readUInt32LE(0), extended: login.readUInt32LE(28), text: login.toString("latin1", 32) });
    channel.write(okPayload);
    for (;;) {
      channel.restart();
      const [command] = await channel.read();
      if (command === 0x01) {
        return;
      }
      channel.write(okPayload);
    }
  };
}

/** Sessions in front of a scripted server, `obliging` unless told otherwise. */
export async function startScriptedStand(
  identity: Parameters<typeof startScriptedMySql>[0],
  options: ScriptedOptions = {},
  ports: Partial<SessionPorts> = {},
): Promise<{ server: ScriptedMySql; stand: Stand; seen: Seen[]; stop: () => Promise<void> }> {
  const seen: Seen[] = [];
  const server = await startScriptedMySql(identity, { script: obliging(seen), ...options });
  const stand = await startStand(server, ports);
  return {
    server,
    stand,
    seen,
    async stop() {
      await stand.stop();
      await server.stop();
    },
  };
}
