import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:tls";
import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { createAuthority } from "#sandbox/certificates.ts";
import { connectPinned, parseKeyPin, PinMismatch } from "./pin.ts";

let server: Server;
let port: number;
let pin: Buffer;
/** Bytes that reached the server over TLS. */
let received = "";

beforeAll(async () => {
  const authority = await createAuthority("somebody", Date.now());
  const pair = await authority.issue(["elsewhere.example.com"]);
  pin = createHash("sha256")
    .update(new X509Certificate(pair.certificate).publicKey.export({ type: "spki", format: "der" }))
    .digest();
  server = createServer({ cert: pair.certificate, key: pair.privateKey }, (socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      received += String(chunk);
      socket.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
});
afterAll(() => void server.close());

it("the pinned key is enough, whatever name and authority the certificate has", async () => {
  const socket = await connectPinned({ host: "127.0.0.1", port, pin }, systemClock);

  socket.end("hello");
  await once(socket, "close");

  expect(received).toBe("hello");
});

it("with another key nothing is sent", async () => {
  received = "";
  const other = createHash("sha256").update("another key").digest();

  await expect(connectPinned({ host: "127.0.0.1", port, pin: other }, systemClock)).rejects.toBeInstanceOf(PinMismatch);
  expect(received).toBe("");
});

it("reads a pin only in its one form", () => {
  const hex = pin.toString("hex");

  expect(parseKeyPin(`sha256:${hex}`)?.equals(pin)).toBe(true);
  expect([`sha1:${hex}`, hex, `sha256:${hex}00`, "sha256:"].map(parseKeyPin)).toEqual(Array(4).fill(undefined));
});
