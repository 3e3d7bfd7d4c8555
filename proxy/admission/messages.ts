import type { FromClient } from "#wire/handshake.ts";

/** Client software names itself in at most so many characters (wire/handshake.ts). */
const clientCharactersMax = 128;
/** A ticket is 43 characters. */
const ticketCharactersMax = 64;
const grantIDCharactersMax = 64;

/** Reads a client's message strictly; undefined for anything that is none. The proof itself is checked by `verifyProof`. */
export function readClientMessage(value: unknown): FromClient | undefined {
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  const message = value as Record<string, unknown>;
  switch (message["type"]) {
    case "prove": {
      const { grantID, proof, client } = message;
      return isText(grantID, grantIDCharactersMax) && typeof proof === "object" && proof !== null
        ? { type: "prove", grantID, proof: proof as never, client: isText(client, clientCharactersMax) ? client : "" }
        : undefined;
    }
    case "open": {
      const { ticket } = message;
      return isText(ticket, ticketCharactersMax) ? { type: "open", ticket } : undefined;
    }
    case "ping":
    case "pong": {
      const { type, id } = message;
      return typeof id === "number" && Number.isSafeInteger(id) ? { type, id } : undefined;
    }
    default:
      return undefined;
  }
}

function isText(value: unknown, charactersMax: number): value is string {
  return typeof value === "string" && value.length <= charactersMax;
}
