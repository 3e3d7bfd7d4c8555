import { type Arrived, type Said, type TestServer, testServer } from "../testing.ts";

/** A message that stands in a channel. */
export interface Shown {
  readonly channel: string;
  readonly ts: string;
  text: string;
  blocks: readonly Record<string, unknown>[];
  readonly thread?: string;
  readonly isBroadcast: boolean;
  readonly metadata?: unknown;
  edits: number;
}

/** What a call meets instead of an answer. `lost`: it is done, and the answer never comes; `none`: nothing, this time. */
export type SlackFault =
  | { readonly error: string }
  | { readonly status: number; readonly retryAfter?: string }
  | "silent"
  | "none"
  | "lost";

/** A stand-in for Slack's Web API, as far as its documentation goes; `@slack/web-api` checks that it speaks like Slack. */
export interface TestSlack extends TestServer {
  readonly apiURL: string;
  readonly messages: Shown[];
  /** Bodies of `views.open`. */
  readonly modals: Record<string, unknown>[];
  /** What was posted to response URLs. */
  readonly replies: { readonly text: string }[];
  /** Faults of the next calls of a method, in order. */
  fail(method: string, ...faults: SlackFault[]): void;
  /** From now on the app may read what was said in its channels. */
  letRead(): void;
  /** Somebody deletes the message. */
  remove(ts: string): void;
}

export const testToken = "xoxb-test-token";
export const testSigningSecret = "8f742231b10e8888abcd99yyyzzz85a5";
export const testChannel = "C024BE91L";

/** Starts one. */
export async function testSlack(): Promise<TestSlack> {
  const messages: Shown[] = [];
  const modals: Record<string, unknown>[] = [];
  const replies: { readonly text: string }[] = [];
  let mayRead = false;
  const faults = new Map<string, SlackFault[]>();
  const methods: Readonly<Record<string, (body: Record<string, unknown>) => Record<string, unknown>>> = {
    "auth.test": () => ({ ok: true, team_id: "T1", user_id: "U0" }),
    "chat.postMessage": (body) => posted(body, messages),
    "chat.update": (body) => updated(body, messages),
    "conversations.history": (body) => history(body, messages, mayRead),
    "conversations.replies": (body) => history(body, messages, mayRead),
    "views.open": (body) => {
      modals.push(body);
      return typeof body["trigger_id"] === "string" ? { ok: true, view: { id: "V1" } } : refused("invalid_arguments");
    },
  };
  const server = await testServer((request): Said | undefined => {
    if (request.path.startsWith("/respond/")) {
      replies.push(JSON.parse(request.body) as { text: string });
      return { status: 200, body: "ok" };
    }
    const method = request.path.replace("/api/", "");
    const fault = faults.get(method)?.shift();
    if (fault === "silent") {
      return undefined;
    }
    if (typeof fault === "object") {
      return "error" in fault ? json(refused(fault.error)) : tooMany(fault);
    }
    if (request.headers.authorization !== `Bearer ${testToken}`) {
      return json(refused(request.headers.authorization === undefined ? "not_authed" : "invalid_auth"));
    }
    const answer = methods[method]?.(bodyOf(request)) ?? refused("unknown_method");
    return fault === "lost" ? undefined : json(answer);
  });
  return {
    ...server,
    apiURL: `${server.url}/api`,
    messages,
    modals,
    replies,
    fail: (method, ...next) => void faults.set(method, [...(faults.get(method) ?? []), ...next]),
    letRead() {
      mayRead = true;
    },
    remove: (ts) => void messages.splice(0, messages.length, ...messages.filter((message) => message.ts !== ts)),
  };
}

function posted(body: Record<string, unknown>, messages: Shown[]): Record<string, unknown> {
  const { channel, text, blocks, thread_ts: thread } = body;
  const problem = blocksProblem(blocks) ?? (typeof channel === "string" ? undefined : "channel_not_found");
  if (problem !== undefined || typeof text !== "string" || text === "") {
    return refused(problem ?? "no_text");
  }
  // A person's ID opens the app's conversation with them.
  const place = String(channel).startsWith("U") ? `D${String(channel).slice(1)}` : String(channel);
  const ts = `1700000000.${String(messages.length + 1).padStart(6, "0")}`;
  messages.push({
    channel: place,
    ts,
    text,
    blocks: blocks as Shown["blocks"],
    // What would stand below a message that is gone stands in the channel.
    ...(messages.some((message) => message.ts === thread) ? { thread: String(thread) } : {}),
    isBroadcast: body["reply_broadcast"] === true,
    metadata: body["metadata"],
    edits: 0,
  });
  return { ok: true, channel: place, ts, message: { text, ts } };
}

/** Newest first, as far as the documentation of `conversations.history` goes; below a message, oldest first. */
function history(body: Record<string, unknown>, messages: readonly Shown[], mayRead: boolean): Record<string, unknown> {
  const { channel, ts, include_all_metadata: withMetadata } = body;
  if (!mayRead || String(channel).startsWith("U")) {
    return refused(mayRead ? "channel_not_found" : "missing_scope");
  }
  const found = messages.filter(
    (message) => message.channel === channel && (ts === undefined ? message.thread === undefined : isIn(message, ts)),
  );
  const told = found.map(({ text, ts: own, metadata }) => ({
    type: "message",
    text,
    ts: own,
    ...(withMetadata === "true" || withMetadata === true ? { metadata } : {}),
  }));
  return { ok: true, messages: ts === undefined ? told.reverse() : told, has_more: false };
}

function isIn({ ts, thread }: Shown, parent: unknown): boolean {
  return ts === parent || thread === parent;
}

function updated(body: Record<string, unknown>, messages: Shown[]): Record<string, unknown> {
  const { channel, ts, text, blocks } = body;
  const message = messages.find((candidate) => candidate.ts === ts && candidate.channel === channel);
  const problem = blocksProblem(blocks) ?? (message === undefined ? "message_not_found" : undefined);
  if (message === undefined || problem !== undefined) {
    return refused(problem ?? "");
  }
  Object.assign(message, { text, blocks, edits: message.edits + 1 });
  return { ok: true, channel, ts, text };
}

/** Slack: "Block Kit reference", the limits of each block and element. */
function blocksProblem(given: unknown): string | undefined {
  const blocks = (given ?? []) as Record<string, unknown>[];
  const long = (value: unknown, max: number): boolean => {
    const { text = "" } = (value ?? {}) as { text?: string };
    return text.length > max || (value !== undefined && text === "");
  };
  const isWrong = blocks.some(({ type, text, fields = [], elements = [] }) => {
    const inner = elements as Record<string, unknown>[];
    switch (type) {
      case "section":
        return (
          long(text, 3_000) || (fields as unknown[]).length > 10 || (fields as unknown[]).some((f) => long(f, 2_000))
        );
      case "context":
        return inner.length > 10 || inner.some((element) => long(element, 3_000));
      case "actions":
        return inner.length > 25 || inner.some((e) => long(e["text"], 75) || String(e["value"] ?? "").length > 2_000);
      default:
        return true;
    }
  });
  return isWrong || blocks.length > 50 ? "invalid_blocks" : undefined;
}

/** JSON as we send it, and a form as Slack's own client does. */
function bodyOf({ headers, body }: Arrived): Record<string, unknown> {
  if (headers["content-type"]?.startsWith("application/json") === true) {
    return JSON.parse(body) as Record<string, unknown>;
  }
  const form = Object.fromEntries(new URLSearchParams(body)) as Record<string, unknown>;
  return {
    ...form,
    ...(form["blocks"] === undefined ? {} : { blocks: JSON.parse(String(form["blocks"])) as unknown }),
    ...(form["metadata"] === undefined ? {} : { metadata: JSON.parse(String(form["metadata"])) as unknown }),
  };
}

function refused(error: string): Record<string, unknown> {
  return { ok: false, error };
}

function json(value: unknown): Said {
  return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}

function tooMany({ status, retryAfter }: { readonly status: number; readonly retryAfter?: string }): Said {
  return { status, headers: retryAfter === undefined ? {} : { "retry-after": retryAfter } };
}
