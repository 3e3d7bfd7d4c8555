import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import type { Clock } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";

/** SHA-256 of a public key as DER SubjectPublicKeyInfo, 32 bytes. */
export type KeyPin = Buffer;

/** TCP and TLS to the controller. */
export const linkConnectTimeoutMs = 10_000;

/** Reads `sha256:` and 64 hex digits; undefined for anything else. */
export function parseKeyPin(text: string): KeyPin | undefined {
  const [, hex] = /^sha256:([0-9a-f]{64})$/i.exec(text) ?? [];
  return hex === undefined ? undefined : Buffer.from(hex, "hex");
}

/** The controller's key is not the pinned one: somebody else answers, or the controller was given a new key. */
export class PinMismatch extends UserError {
  constructor(host: string) {
    super("ControllerKeyMismatch", `The controller at ${host} shows another public key than the pinned one.`, {
      why: "Nothing was sent to it.",
      next: "If the controller was given a new key, set SALLYPORT_CONTROLLER_PIN in the Proxy's task definition to its pin.",
    });
  }
}

/**
 * Opens TLS to the controller and returns the connection only if its certificate holds the pinned public key. The authority and the
 * name of the certificate say nothing more, so they are not asked; the key is checked before a byte is sent over the connection.
 */
export function connectPinned(
  controller: { readonly host: string; readonly port: number; readonly pin: KeyPin },
  clock: Clock,
): Promise<TLSSocket> {
  const { host, port, pin } = controller;
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      minVersion: "TLSv1.2",
      rejectUnauthorized: false,
      ALPNProtocols: ["http/1.1"],
    });
    const cancelTimer = clock.after(linkConnectTimeoutMs, () =>
      socket.destroy(new Error("the controller did not answer in time")),
    );
    socket.once("secureConnect", () => {
      cancelTimer();
      const key = socket.getPeerX509Certificate()?.publicKey.export({ type: "spki", format: "der" });
      if (key === undefined || !createHash("sha256").update(key).digest().equals(pin)) {
        socket.destroy();
        reject(new PinMismatch(host));
        return;
      }
      resolve(socket);
    });
    socket.once("error", (error) => {
      cancelTimer();
      reject(error);
    });
    socket.once("close", () => {
      cancelTimer();
      reject(new Error("the controller closed the connection"));
    });
  });
}
