import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { readFileSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseDocument } from "yaml";
import { grantFile } from "#tools/demo/grant-file.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { freePort } from "../harness/postgres.ts";
import { eventually, type SallyportProcess } from "../harness/process.ts";
import * as support from "./support.ts";

const manifest = "database-orders.yaml";

let installation: Installation;
let reader: { readonly port: number; readonly sockets: Set<Socket>; accepted: number; stop(): Promise<void> };

beforeAll(async () => {
  installation = await startInstallation();
  reader = await startReader(installation.postgres.port);
  setReaderPort(reader.port);
  await untilProxyLinked(installation);
  await signInDirectly(installation, "ada");
});
afterAll(async () => {
  await installation?.stop();
  await reader?.stop();
});

/** Gives the role read_only an endpoint of its own, as a Database in front of Aurora has for readers. */
function setReaderPort(port: number): void {
  const document = parseDocument(readFileSync(path.join(installation.folder, manifest), "utf8"));
  document.setIn(["spec", "roles", 0, "endpoint"], { host: "127.0.0.1", port });
  installation.writeManifest(manifest, document.toString());
}

/** Another address of the same server. */
async function startReader(port: number) {
  const sockets = new Set<Socket>();
  const state = { accepted: 0 };
  const server: Server = createServer((socket) => {
    state.accepted += 1;
    const server = connect(port, "127.0.0.1");
    for (const end of [socket, server]) {
      sockets.add(end);
      end.on("error", () => {});
      end.once("close", () => sockets.delete(end));
    }
    socket.pipe(server).pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(state, {
    port: (server.address() as AddressInfo).port,
    sockets,
    async stop() {
      for (const socket of sockets) {
        socket.destroy();
      }
      server.close();
      await once(server, "close");
    },
  });
}

/** Connects as a role, and says which of the two addresses its session went through. */
async function wayOf(role: string, name: string): Promise<{ readonly way: string; readonly endpoint: unknown }> {
  installation.writeManifest(`grants/${name}.yaml`, grantFile({ name, person: "ada", database: "orders", role }));
  await support.activeGrant(installation, "ada", role);
  const { proxy, url, endpoint } = await ready(role);
  const before = reader.accepted;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ port: number }>("select inet_client_port() as port");
  const ownPort = rows[0]?.port;
  const throughReader = [...reader.sockets].some((socket) => socket.localPort === ownPort);
  await client.end();
  proxy.kill("SIGTERM");
  await proxy.exited;
  return { way: throughReader && reader.accepted > before ? "reader" : "writer", endpoint };
}

async function ready(role: string): Promise<{ proxy: SallyportProcess; url: string; endpoint: unknown }> {
  const port = await freePort();
  const args = ["rds", "proxy", "--database", "orders", "--role", role, "--port", String(port), "--yes"];
  const proxy = installation.run("ada", [...args, "--output", "json"]);
  const line = await proxy.line((text) => text.includes('"READY"'));
  return { proxy, ...(JSON.parse(line) as { url: string; endpoint: unknown }) };
}

it("a role with an endpoint of its own is reached there, the other at the Database's; moving it ends the grant", async () => {
  const asReader = await wayOf("read_only", "reader");
  const asOwner = await wayOf("app_owner", "owner");

  expect(asReader).toEqual({ way: "reader", endpoint: { host: "127.0.0.1", port: reader.port } });
  expect(asOwner).toEqual({ way: "writer", endpoint: { host: "127.0.0.1", port: installation.postgres.port } });
  setReaderPort(installation.postgres.port);
  const ended = await eventually("the reader's grant has ended", async () => {
    const [grant] = (
      await support.json<{ items: { role: string; state: string; endReason?: string }[] }>(
        installation,
        "ada",
        "grants",
        "list",
      )
    ).items.filter((one) => one.role === "read_only");
    return grant?.endReason === undefined ? undefined : grant;
  });
  expect(ended.endReason).toContain(`port is ${installation.postgres.port} now; ${reader.port} was approved`);
});
