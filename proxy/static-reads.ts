import { connect, type OnReadOpts, Socket, type SocketConstructorOpts } from "node:net";
import type { Duplex } from "node:stream";

/*
 * A socket with 'data' events gets a fresh 64 KiB block for every read, whatever arrives, and passes the stream machinery with it: a third
 * of a relay's work. Node's `onread` option reads into a block that stays. It exists for sockets that connect; an accepted socket takes it
 * only in its constructor, so its handle is moved into a new socket, with two members that Node does not document (`_handle`, and the
 * `handle` option). Where they are not as expected the accepted socket stays as it is, and everything works with 'data' events.
 */

/**
 * Takes what a stream receives. The bytes belong to the receiver. With `release`, their memory is used again once it is called, so it is
 * called when nobody looks at them any more, or never.
 */
export type ByteSink = (bytes: Buffer, release: Release | undefined) => void;
export type Release = () => void;

/** Every read of every socket goes here first: its bytes are copied out before another read can begin. */
const sharedBytes = 64 * 1024;
/** Blocks that are handed out whole, so that a stream of large reads is not copied. */
const blockBytes = 128 * 1024;
/** A read of so many bytes tells that a stream is on its way: what is copied at that rate costs more than a block. */
const streamBytesMin = 8 * 1024;
/** Blocks that wait for the next read of a stream, 4 MiB together; a session that falls idle after a large answer keeps its block. */
const waitingBlocksMax = 32;
/** Fewer bytes are copied even out of a block, which then serves on. */
const copyBytesMax = 4 * 1024;
/** Idle blocks that are kept, 2 MiB together. A stalled stream holds one at most beside its socket's own queue. */
const idleBlocksMax = 16;

const shared = Buffer.allocUnsafeSlow(sharedBytes);
const idleBlocks: Buffer[] = [];
let waitingBlocks = 0;
const readsOf = new WeakMap<Duplex, StaticReads>();

/** How one socket reads. Until somebody takes its bytes it behaves as any socket: 'data' events, `pause` and `resume`. */
class StaticReads {
  sink: ByteSink | undefined;
  readonly onread: OnReadOpts;
  #socket: Socket | undefined;
  /** What the next read goes into. */
  #block: Buffer = shared;
  #isStreaming = false;

  constructor() {
    this.onread = { buffer: () => this.#next(), callback: (count) => this.#received(count) };
  }

  bind(socket: Socket): void {
    this.#socket = socket;
    readsOf.set(socket, this);
    socket.once("close", () => this.#takeBlock());
  }

  #received(count: number): boolean {
    const block = this.#block;
    const { sink } = this;
    this.#isStreaming = count >= streamBytesMin;
    if (sink === undefined) {
      return this.#socket?.push(copyOf(block, count)) ?? false;
    }
    if (block === shared || count <= copyBytesMax) {
      sink(copyOf(block, count), undefined);
    } else {
      this.#takeBlock();
      sink(block.subarray(0, count), releaseOf(block));
    }
    return true;
  }

  /** Called by the socket after each read, and once before the first. */
  #next(): Buffer {
    const wantsBlock = this.#isStreaming && this.sink !== undefined && this.#socket?.isPaused() === false;
    if (wantsBlock && this.#block === shared && waitingBlocks < waitingBlocksMax) {
      waitingBlocks += 1;
      this.#block = idleBlocks.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
    } else if (!wantsBlock && this.#block !== shared) {
      keepIdle(this.#takeBlock());
    }
    return this.#block;
  }

  /** The block is somebody else's now. */
  #takeBlock(): Buffer {
    const block = this.#block;
    if (block !== shared) {
      waitingBlocks -= 1;
      this.#block = shared;
    }
    return block;
  }
}

function copyOf(block: Buffer, count: number): Buffer {
  const bytes = Buffer.allocUnsafe(count);
  block.copy(bytes, 0, 0, count);
  return bytes;
}

/** Whoever calls it twice must not make two sockets read into one block. */
function releaseOf(block: Buffer): Release {
  let isReleased = false;
  return () => {
    if (!isReleased) {
      isReleased = true;
      keepIdle(block);
    }
  };
}

function keepIdle(block: Buffer): void {
  if (idleBlocks.length < idleBlocksMax) {
    idleBlocks.push(block);
  }
}

/** Connects as `net.connect` does; the socket's bytes can be taken with `takeBytes`. */
export function connectSocket(options: { readonly host: string; readonly port: number }): Socket {
  const reads = new StaticReads();
  const socket = connect({ ...options, noDelay: true, onread: reads.onread });
  reads.bind(socket);
  return socket;
}

/** The members of an accepted socket that Node does not document. */
interface Accepted {
  _handle?: { readonly useUserBuffer?: unknown } | null;
}

/**
 * Gives an accepted socket's connection to one whose bytes can be taken. The socket must not have read anything yet (`pauseOnConnect`).
 * Returns the one to use: the same one where Node is not as expected.
 */
export function adoptSocket(accepted: Socket): Socket {
  const inside = accepted as unknown as Accepted;
  const handle = inside._handle;
  if (typeof handle?.useUserBuffer !== "function" || accepted.readableLength > 0) {
    return accepted;
  }
  const reads = new StaticReads();
  const hidden = { handle, pauseOnCreate: true };
  const options: SocketConstructorOpts = { readable: true, writable: true, onread: reads.onread };
  const socket = new Socket(Object.assign(options, hidden));
  if ((socket as unknown as Accepted)._handle !== handle) {
    throw new Error("this release of Node does not take over a socket's handle");
  }
  reads.bind(socket);
  // Without a handle it closes nothing.
  inside._handle = null;
  accepted.destroy();
  return socket;
}

/**
 * From here on `sink` gets all that the stream receives, beginning with what waits in it. `pause` and `resume` keep their meaning, but for
 * bytes that were on their way. Returns how to stop, after which 'data' events come again.
 */
export function takeBytes(stream: Duplex, sink: ByteSink): () => void {
  const reads = readsOf.get(stream);
  if (reads === undefined) {
    const onData = (chunk: Buffer): void => sink(chunk, undefined);
    stream.on("data", onData);
    return () => void stream.off("data", onData);
  }
  reads.sink = sink;
  if (stream.readableLength > 0) {
    sink(stream.read() as Buffer, undefined);
  }
  return () => {
    reads.sink = undefined;
  };
}
