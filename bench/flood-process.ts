import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import {
  encodeAuthenticationOk,
  encodeBackendKeyData,
  encodeMessage,
  encodeParameterStatus,
  encodeReadyIdle,
} from "#proxy/postgres/encode.ts";
import { serveHelper } from "./child.ts";
import { answerOf, copyDone, emptyAnswer, type Flood, floodBlocks, floods } from "./flood.ts";

/*
 * A Postgres server that has nothing to compute: it sends rows, or takes copied data, as fast as the other side allows. A real
 * server would be the bottleneck of what is measured.
 */

/** What it speaks of with its parent. */
export interface FloodTalk {
  readonly config: object;
  readonly ready: { readonly port: number };
  readonly question: never;
  readonly answer: never;
}

const parameters = {
  server_version: "18.0",
  server_encoding: "UTF8",
  client_encoding: "UTF8",
  DateStyle: "ISO, MDY",
  TimeZone: "UTC",
  integer_datetimes: "on",
  standard_conforming_strings: "on",
};

/** The answer to the proxy's own question at the beginning of a session (proxy/hazards/role-settings.ts): no role has settings. */
const settingsXML = Buffer.from("<row><settings>5b5d</settings></row>");
const settingsLength = Buffer.alloc(4);
settingsLength.writeUInt32BE(settingsXML.length);
const noSettings = Buffer.concat([
  encodeMessage(0x56, Buffer.concat([settingsLength, settingsXML])),
  encodeReadyIdle(),
]);

if (import.meta.main) {
  await serveHelper<FloodTalk>(async () => {
    const server = createServer({ noDelay: true }, serve);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return { ready: { port: (server.address() as AddressInfo).port } };
  });
}

/** What is left of a COPY in, bytes; no other message may come meanwhile. */
interface Conversation {
  started: boolean;
  pending: Buffer;
  copying: { left: number; readonly after: Buffer } | undefined;
}

function serve(socket: Socket): void {
  socket.on("error", () => socket.destroy());
  const conversation: Conversation = { started: false, pending: Buffer.alloc(0), copying: undefined };
  socket.on("data", (chunk) => {
    let rest = chunk;
    const { copying } = conversation;
    if (copying !== undefined) {
      copying.left -= rest.length;
      if (copying.left > 0) {
        return;
      }
      rest = rest.subarray(rest.length + copying.left);
      conversation.copying = undefined;
      socket.write(copying.after);
    }
    conversation.pending = Buffer.concat([conversation.pending, rest]);
    while (step(socket, conversation)) {
      // Next message.
    }
  });
}

/** Handles one message, if a whole one is there. */
function step(socket: Socket, conversation: Conversation): boolean {
  const { pending } = conversation;
  const at = conversation.started ? 1 : 0;
  if (pending.length < at + 4 || pending.length < at + pending.readInt32BE(at)) {
    return false;
  }
  const end = at + pending.readInt32BE(at);
  const body = pending.subarray(at + 4, end);
  conversation.pending = pending.subarray(end);
  if (!conversation.started) {
    greet(socket, conversation, body);
  } else if (pending[0] === 0x51) {
    answer(socket, conversation, body.toString("latin1", 0, body.length - 1));
  } else if (pending[0] === 0x46) {
    socket.write(noSettings);
  } else if (pending[0] === 0x58) {
    socket.end();
  }
  return true;
}

function greet(socket: Socket, conversation: Conversation, body: Buffer): void {
  // SSLRequest and the like (PostgreSQL documentation, Message Formats): 1234 in the upper half.
  if (body.readInt16BE(0) === 1234) {
    socket.write("N");
    return;
  }
  conversation.started = true;
  socket.write(
    Buffer.concat([
      encodeAuthenticationOk(),
      ...Object.entries(parameters).map(([name, value]) => encodeParameterStatus(name, value)),
      encodeBackendKeyData(4_711, Buffer.alloc(4, 1)),
      encodeReadyIdle(),
    ]),
  );
}

function answer(socket: Socket, conversation: Conversation, sql: string): void {
  const [name = "", count = ""] = sql.split(" ");
  const flood = floods.find((known) => known === name);
  const blocks = Number(count);
  if (flood === undefined) {
    socket.write(emptyAnswer);
    return;
  }
  const { before, after } = answerOf(flood, blocks);
  socket.write(before);
  if (flood === "copyIn") {
    conversation.copying = { left: blocks * floodBlocks.copyIn.length + copyDone.length, after };
    return;
  }
  void pour(socket, flood, blocks, after);
}

async function pour(socket: Socket, flood: Flood, blocks: number, after: Buffer): Promise<void> {
  for (let sent = 0; sent < blocks && !socket.destroyed; sent += 1) {
    if (!socket.write(floodBlocks[flood])) {
      await Promise.race([once(socket, "drain"), once(socket, "close")]).catch(() => {});
    }
  }
  socket.write(after);
}
