import type { Duplex } from "node:stream";
import { hazardNotice } from "#audit/hazard-notice.ts";
import type { CancelTimer, Clock } from "#lib/clock.ts";
import type { HazardPolicy } from "#wire/link.ts";
import { encodeMessage } from "../postgres/encode.ts";
import { back, front, ProtocolViolation } from "../postgres/protocol.ts";
import { StreamEnded } from "../streams.ts";
import { MessageReader } from "../upstream/messages.ts";
import { UpstreamError } from "../upstream/target.ts";
import type { HazardPlace } from "./policy.ts";

/** One setting that sessions inherit. `isRole`, `isDatabase`: whether it is bound to the role, to the database, or to both. */
export interface RoleSetting {
  readonly name: string;
  readonly value: string;
  readonly isRole: boolean;
  readonly isDatabase: boolean;
}

/** What is known of the settings that a session inherits. `unknown`: the server did not say. */
export type RoleSettings = readonly RoleSetting[] | "unknown";

/** How long a server may take to answer a question that touches two small catalogs. */
export const roleSettingsTimeoutMs = 5_000;
/** Names in one record or message; a role has few. */
const namesShownMax = 20;
/** query_to_xml(query, nulls, tableforest, targetns), by its number in PostgreSQL's pg_proc.dat, which never changes. */
const queryToXML = 2_924;

/**
 * One row of one column: pairs as JSON, in hexadecimal, so that neither XML nor the client's encoding changes it. No name is looked up by
 * search_path, which is one of the settings that may be wrong.
 */
const settingsSQL = [
  "select pg_catalog.encode(pg_catalog.convert_to(q.json, 'UTF8'), 'hex') as settings from (",
  "select coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(",
  "s.setrole operator(pg_catalog.<>) 0, s.setdatabase operator(pg_catalog.<>) 0, c.setting))::pg_catalog.text, '[]') as json",
  "from pg_catalog.pg_db_role_setting s cross join lateral pg_catalog.unnest(s.setconfig) c (setting)",
  "where (s.setrole operator(pg_catalog.=) 0 or s.setrole operator(pg_catalog.=)",
  "(select r.oid from pg_catalog.pg_roles r where r.rolname operator(pg_catalog.=) session_user))",
  "and (s.setdatabase operator(pg_catalog.=) 0 or s.setdatabase operator(pg_catalog.=)",
  "(select d.oid from pg_catalog.pg_database d where d.datname operator(pg_catalog.=) pg_catalog.current_database()))) q",
].join(" ");

/**
 * Asks a server, on a session that has just logged in and is idle, which settings it inherited (pg_db_role_setting): one round trip.
 * The question is a call of a function, not a statement: the server's log of statements is then the person's alone. Throws
 * `UpstreamError` where the connection is of no use any more.
 */
export async function readRoleSettings(socket: Duplex, clock: Clock): Promise<RoleSettings> {
  const cancelTimer: CancelTimer = clock.after(roleSettingsTimeoutMs, () => socket.destroy());
  try {
    const reader = new MessageReader(socket);
    socket.write(encodeMessage(front.functionCall, callBody(settingsSQL)));
    let answer: Buffer | undefined;
    for (;;) {
      const { type, body } = await reader.next();
      if (type === back.functionResult) {
        answer = Buffer.from(body.subarray(4));
      } else if (type === back.readyForQuery) {
        reader.detach();
        return readAnswer(answer);
      }
    }
  } catch (error) {
    if (error instanceof StreamEnded || error instanceof ProtocolViolation) {
      throw new UpstreamError("Unreachable", "the database did not say what settings the session has inherited");
    }
    throw error;
  } finally {
    cancelTimer();
  }
}

/** FunctionCall with all values as text (PostgreSQL documentation, "Message Formats"). */
function callBody(query: string): Buffer {
  const values = [query, "t", "f", ""].map((text) => Buffer.from(text));
  const body = Buffer.alloc(4 + 2 + 2 + values.reduce((sum, value) => sum + 4 + value.length, 0) + 2);
  body.writeUInt32BE(queryToXML, 0);
  body.writeUInt16BE(values.length, 6);
  let at = 8;
  for (const value of values) {
    body.writeUInt32BE(value.length, at);
    value.copy(body, at + 4);
    at += 4 + value.length;
  }
  return body;
}

/** An error, or an answer that is none, leaves it unknown: a server may hide its catalogs. */
function readAnswer(answer: Buffer | undefined): RoleSettings {
  const hex = /<settings>([0-9a-f]*)<\/settings>/.exec(answer?.toString("latin1") ?? "")?.[1];
  if (hex === undefined) {
    return "unknown";
  }
  const rows = JSON.parse(Buffer.from(hex, "hex").toString("utf8")) as readonly (readonly [boolean, boolean, string])[];
  return rows.map(([isRole, isDatabase, setting]) => {
    const [name = "", ...value] = setting.split("=");
    return { name, value: value.join("="), isRole, isDatabase };
  });
}

/** What is done about a session that inherits settings. */
export interface SettingsVerdict {
  /** For the session's first record: names, never values. */
  readonly notices: readonly string[];
  /** Why the session may not begin, for the person. */
  readonly refusal?: string;
}

/** Decides about a session that inherits `settings`. Those that the Database expects are left out. */
export function decideRoleSettings(
  settings: RoleSettings,
  { policy, expectedSettings }: HazardPolicy,
  place: HazardPlace & { readonly databaseName: string },
): SettingsVerdict {
  if (settings === "unknown") {
    return { notices: ["role-settings-unknown"] };
  }
  const expected = new Set(expectedSettings.map(lowerName));
  const others = settings.filter(({ name, value }) => {
    const lower = name.toLowerCase();
    return !expected.has(lower) && !expected.has(`${lower}=${value}`);
  });
  if (others.length === 0) {
    return { notices: [] };
  }
  const names = [...new Set(others.map(({ name }) => name))].sort().slice(0, namesShownMax);
  const notices = [`${hazardNotice}role-settings`, ...names.map((name) => `role-setting:${name}`)];
  return policy === "Deny" ? { notices, refusal: refusalOf(others, names, place) } : { notices };
}

function lowerName(entry: string): string {
  const [name = "", ...value] = entry.split("=");
  return [name.toLowerCase(), ...value].join("=");
}

function refusalOf(
  settings: readonly RoleSetting[],
  names: readonly string[],
  { database, databaseName, username }: HazardPlace & { readonly databaseName: string },
): string {
  const [user, own] = [quoted(username), quoted(databaseName)];
  const removal = settings.slice(0, namesShownMax).map(({ name, isRole, isDatabase }) => {
    const whose = isRole
      ? `ROLE ${user}${isDatabase ? ` IN DATABASE ${own}` : ""}`
      : isDatabase
        ? `DATABASE ${own}`
        : "ROLE ALL";
    return `ALTER ${whose} RESET ${name.split(".").map(quoted).join(".")};`;
  });
  return (
    `the session was refused, since it would inherit settings that somebody gave to the shared database user or its database: ` +
    `${names.join(", ")} (Database ${database}, sharedUserHazards.policy: Deny). An administrator can remove them with ` +
    `${removal.join(" ")} or, if they are meant, name them in sharedUserHazards.expectedSettings.`
  );
}

/** An identifier as it must be written. */
function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
