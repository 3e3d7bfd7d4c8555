import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { serveHealth } from "./health.ts";
import { isLoopback, listenLoopback } from "./listener.ts";

it.each([
  ["127.0.0.1", true],
  ["127.8.9.10", true],
  ["127.0.0.999", false],
  ["128.0.0.1", false],
  ["0.0.0.0", false],
  ["10.0.0.1", false],
  ["localhost", false],
  ["::1", false],
  ["127.0.0.1.example.com", false],
])("%s is loopback: %s", (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});

it("refuses to listen where others could reach it, and says so", async () => {
  await expect(listenLoopback("0.0.0.0", 0, () => {})).rejects.toMatchObject({ code: "NotLoopback" });
});

it("names the port that is taken", async () => {
  const first = await listenLoopback("127.0.0.1", 0, () => {});

  await expect(listenLoopback("127.0.0.1", first.port, () => {})).rejects.toThrow(`127.0.0.1:${first.port}`);
  first.close();
});

it("health is a file in the working directory, one line of JSON, and gone afterwards", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "sallyport-health-"));
  const file = path.join(folder, "health.sock");
  const stop = await serveHealth(file, () => ({ status: "ok", controller: "lost", ready: false, sessions: 2 }));

  const socket = connect(file);
  let text = "";
  socket.on("data", (chunk) => (text += String(chunk)));
  await once(socket, "close");
  stop();

  expect(JSON.parse(text)).toEqual({ status: "ok", controller: "lost", ready: false, sessions: 2 });
  expect(existsSync(file)).toBe(false);
  rmSync(folder, { recursive: true });
});
