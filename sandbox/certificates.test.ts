import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import tls from "node:tls";
import { expect, it } from "vitest";
import { createAuthority, publicKeyPin } from "./certificates.ts";

it("issues certificates that Node's own TLS accepts for the names given, and for no others", async () => {
  const authority = await createAuthority("test", Date.now());
  const pair = await authority.issue(["127.0.0.1", "db.example"]);
  const server = tls.createServer({ cert: pair.certificate, key: pair.privateKey }, (socket) => socket.end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  try {
    const good = tls.connect({ host: "127.0.0.1", port, ca: authority.certificate, servername: "db.example" });
    await once(good, "secureConnect");
    good.destroy();

    const bad = tls.connect({ host: "127.0.0.1", port, ca: authority.certificate, servername: "other.example" });
    await expect(once(bad, "secureConnect")).rejects.toThrow("altnames");
  } finally {
    server.close();
  }
});

it("pins by public key: the same for a renewed certificate's key, different for another key", async () => {
  const authority = await createAuthority("test", Date.now());
  const one = await authority.issue(["127.0.0.1"]);
  const other = await authority.issue(["127.0.0.1"]);

  expect(publicKeyPin(one.certificate)).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(publicKeyPin(one.certificate)).not.toBe(publicKeyPin(other.certificate));
  expect(new X509Certificate(one.certificate).ca).toBe(false);
});
