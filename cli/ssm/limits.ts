/**
 * Every bound of a tunnel: named, with its unit, and derived in its comment. Values marked "reference" are those of the
 * official client and agent (sources: session-manager-plugin 1.2.677, amazon-ssm-agent 3.3). Tests set smaller ones.
 */
export interface TunnelLimits {
  /**
   * Bytes of payload in one message that we send. Both reference senders use 1,024. The agent itself sets no limit (it
   * reads a websocket message of any size and writes its whole payload on), and clients of others have sent 1,536 for
   * years; but what the AWS service between the two lets through is not documented, and a message that it refused
   * could never be delivered by resending it. So: 1,024, proven by every session there is.
   */
  payloadBytes: number;
  /** Largest websocket message we accept, bytes. Agents send 1,144 (1,024 and the header); 1 MiB leaves room, bounds memory. */
  messageBytesMax: number;
  /**
   * Bytes sent and not yet acknowledged, after which writers wait. The bandwidth-delay product of 100 Mbit/s and 160 ms
   * is 2 MB; at 1,024 bytes a message this is 2,048 messages, far below the 100,000 that an agent reorders.
   */
  windowBytes: number;
  /** Messages held that arrived ahead of a missing one. Reference client: 10,000. */
  reorderMessages: number;
  /** Bytes held that arrived ahead of a missing one. 10,000 messages of 1,024 bytes are 10 MiB; a little more for headers. */
  reorderBytes: number;
  /** How often the oldest unacknowledged message is looked at. Reference: 100 ms. */
  resendTickMs: number;
  /** Round-trip time assumed before the first measurement. Reference: 100 ms (so a first timeout of 200 ms). */
  roundTripInitialMs: number;
  /** Least margin of the resend timeout over the round-trip time. Reference: 10 ms. */
  resendMarginMs: number;
  /** Largest resend timeout. Reference: 1 s. */
  resendTimeoutMaxMs: number;
  /** Without any acknowledgement for this long while some are due, the websocket is probed by a ping. Ten timeouts at their largest. */
  stallProbeMs: number;
  /**
   * Without any acknowledgement for this long, the websocket is replaced (resume). The reference client gives up after
   * 3,000 resends of 100 ms, 5 min, and ends the session; a far end that does not read for long is no reason to end one.
   */
  stallResumeMs: number;
  /** Websocket connection, handshake included, must be ready within this, else the attempt has failed. Agents wait 15 s for their part. */
  connectTimeoutMs: number;
  /** One call of ResumeSession or TerminateSession may take this long. AWS answers in under 1 s; its client retries within this. */
  callTimeoutMs: number;
  /** Interval of keep-alive pings. Reference client: 5 min. */
  pingIntervalMs: number;
  /** A ping unanswered for this long means a dead websocket. Three times a slow round trip, plus what a full window queues ahead. */
  pongTimeoutMs: number;
  /** Attempts to resume after a loss, before the tunnel is lost. With the delays below: about 1 min, a laptop's change of network. */
  resumeAttempts: number;
  /** Delay before the second attempt; doubles with each. Reference client: 100 to 200 ms. */
  resumeDelayMs: number;
  /** Largest delay between attempts. Reference client: 5 s; ours is longer so that 12 attempts span a minute. */
  resumeDelayMaxMs: number;
  /** A resumed websocket that delivered nothing has worked only when it stood this long; until then its loss counts as an attempt. */
  resumeSettledMs: number;
  /** On close: how long the acknowledgement of the terminate flag is awaited before TerminateSession is called instead. */
  terminateWaitMs: number;
  /** Streams open at once. A database client pools tens; with the buffer below this bounds memory to 100 MiB. */
  streams: number;
  /** Payload of one smux frame that we send, bytes. Reference: at most 32,768; 32 messages of 1,024 less the 8-byte header. */
  framePayloadBytes: number;
  /**
   * Bytes received and unread by one stream's consumer, after which the tunnel stops reading. smux version 1 cannot hold
   * back one stream alone; the reference stops at 4 MiB for all streams together.
   */
  streamBufferBytes: number;
  /**
   * How long a stream whose consumer reads nothing may hold up the others. Then it is ended with an error; alone it may wait for
   * ever. Half a minute is what a person at a slow dialog needs, and half of the shortest ping period of a proxy's control stream.
   */
  headOfLineMs: number;
}

/** The values that the product runs with. */
export const defaultLimits: Readonly<TunnelLimits> = {
  payloadBytes: 1024,
  messageBytesMax: 1024 * 1024,
  windowBytes: 2 * 1024 * 1024,
  reorderMessages: 10_000,
  reorderBytes: 12 * 1024 * 1024,
  resendTickMs: 100,
  roundTripInitialMs: 100,
  resendMarginMs: 10,
  resendTimeoutMaxMs: 1_000,
  stallProbeMs: 10_000,
  stallResumeMs: 5 * 60_000,
  connectTimeoutMs: 15_000,
  callTimeoutMs: 10_000,
  pingIntervalMs: 5 * 60_000,
  pongTimeoutMs: 20_000,
  resumeAttempts: 12,
  resumeDelayMs: 200,
  resumeDelayMaxMs: 10_000,
  resumeSettledMs: 30_000,
  terminateWaitMs: 2_000,
  streams: 100,
  framePayloadBytes: 32 * 1024 - 8,
  streamBufferBytes: 1024 * 1024,
  headOfLineMs: 30_000,
};
