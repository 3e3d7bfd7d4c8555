import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sameUserOnly } from "./peer-user.ts";
import { portHolder } from "./port-holder.ts";
import { loopbackSockets, readEntry, type SocketEntry } from "./socket-table.ts";

const socket = { remotePort: 40_000, localPort: 5_432 } as Socket;
const peer: SocketEntry = { localPort: 40_000, remotePort: 5_432, state: "01", uid: 1_000, inode: 7 };
const check = (own: number | undefined, entries: readonly SocketEntry[] | undefined) =>
  sameUserOnly(
    () => own,
    async () => entries,
  )(socket);

describe("a local connection", () => {
  it.each([
    ["of the same user", 1_000, [peer]],
    ["of root", 1_000, [{ ...peer, uid: 0 }]],
    ["where users cannot be told apart", 1_000, undefined],
    ["on a system without user IDs", undefined, [peer]],
  ])("%s may be used", async (_, own, entries) => {
    expect(await check(own, entries)).toBeUndefined();
  });

  it("of another user may not", async () => {
    expect(await check(1_001, [peer])).toContain("(user ID 1001, not 1000)");
  });

  it.each([
    ["has been left by its owner, which makes it look like root's", { ...peer, uid: 0, state: "04" }],
    ["is another one with the same port", { ...peer, remotePort: 5_433 }],
    ["is our own end of it", { ...peer, localPort: 5_432, remotePort: 40_000 }],
  ])("that %s may not", async (_, entry) => {
    expect(await check(1_000, [entry])).toContain("gone before it could be seen");
  });
});

describe("the list of sockets", () => {
  let server: Server;
  let folder: string;
  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "sallyport-net-"));
    server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterEach(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  const port = (): number => (server.address() as { port: number }).port;

  it("names the user of a connection, inside IPv6 too, as Java connects", async ({ skip }) => {
    skip(process.platform !== "linux", "only Linux lists sockets");
    for (const host of ["127.0.0.1", "::ffff:127.0.0.1"]) {
      const accepted = once(server, "connection") as Promise<[Socket]>;
      const client = connect(port(), host);
      const [served] = await accepted;

      expect(await sameUserOnly()(served)).toBeUndefined();
      const forAnother = await sameUserOnly(() => 4_711)(served);
      expect(process.getuid?.() === 0 ? "root is let in" : forAnother).toMatch(/root is let in|user ID 4711/);
      client.destroy();
    }
  });

  it("is not missed where there is none", async () => {
    expect(await loopbackSockets(folder)).toBeUndefined();
  });

  it("is read for loopback alone", async () => {
    const line = (local: string): string =>
      `   0: ${local} 0100007F:1538 01 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0000000000000000 20 0 0 10 -1`;
    writeFileSync(
      path.join(folder, "tcp"),
      `  sl  local_address\n${line("0100007F:9C40")}\n${line("0201A8C0:9C40")}\n`,
    );

    expect(await loopbackSockets(folder)).toEqual([
      { localPort: 40_000, remotePort: 5_432, state: "01", uid: 1_000, inode: 4_242 },
    ]);
    expect(readEntry("")).toBeUndefined();
  });

  it("names who holds a port", async ({ skip }) => {
    skip(process.platform !== "linux", "only Linux lists sockets");

    expect(await portHolder(port())).toContain(`(process ${process.pid})`);
    const script =
      "require('net').createServer().listen(0, '127.0.0.1', function () { console.log(this.address().port) })";
    const child = spawn(process.execPath, ["-e", script, "--", "rds", "proxy"]);
    const [taken] = (await once(child.stdout, "data")) as [Buffer];
    expect(await portHolder(Number(taken))).toBe(`sallyport rds proxy (process ${child.pid})`);
    child.kill("SIGKILL");
    await once(child, "close");
    expect(await portHolder(Number(taken))).toBeUndefined();
  });
});
