import { chownSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createAuthority } from "#sandbox/certificates.ts";
import { type Part, reasonFor } from "#tools/parts/part.ts";
import { startServer } from "./server-process.ts";

/** What rsyslog understood of one message. */
export interface SyslogEntry {
  readonly priority: string;
  readonly time: string;
  readonly host: string;
  readonly app: string;
  readonly procID: string;
  readonly msgID: string;
  readonly data: string;
  readonly message: string;
}

/** A running rsyslogd. */
export interface Rsyslog {
  readonly port: number;
  /** The authority of its certificate, PEM. */
  readonly caFile: string;
  entries(): SyslogEntry[];
  /** The file in which it writes the same as it does by default: a time, the host, the program and the message. */
  readonly plainFile: string;
  /** Kills it; what it has written stays until `stop`. */
  stop(): Promise<void>;
}

const program = "/usr/sbin/rsyslogd";
/** The account that a root process drops to. */
const unprivilegedID = 65_534;

/** Where rsyslogd is, or why it is missing. */
export function rsyslogPart(): Part<{ readonly file: string }> {
  return existsSync(program) ? { file: program } : { missing: reasonFor("rsyslog") };
}

/** Every part of a message as rsyslog parsed it, one message a line: a template of its own escapes what JSON wants escaped. */
const template = [
  "pri",
  "timereported:::date-rfc3339",
  "hostname",
  "app-name",
  "procid",
  "msgid",
  "structured-data",
  "msg",
]
  .map((property) => {
    const [name = "", option] = property.split(":::");
    return `\\"${name}\\":\\"%${name}:::${option === undefined ? "json" : `${option},json`}%\\"`;
  })
  .join(",");

/** Starts rsyslogd without privileges on a port, which the caller has found free. */
export async function startRsyslog(
  port: number,
  options: { readonly tls?: boolean; readonly folder?: string } = {},
): Promise<Rsyslog> {
  const folder = options.folder ?? mkdtempSync(path.join(tmpdir(), "sallyport-rsyslog-"));
  const authority = await createAuthority("Sallyport test log CA", Date.now());
  const pair = await authority.issue(["127.0.0.1", "localhost"]);
  const file = (name: string, text: string): string => {
    const at = path.join(folder, name);
    writeFileSync(at, text, { mode: 0o644 });
    return at;
  };
  const caFile = file("ca.pem", authority.certificate);
  const certFile = file("cert.pem", pair.certificate);
  const keyFile = file("key.pem", pair.privateKey);
  const out = path.join(folder, "out.jsonl");
  const plainFile = path.join(folder, "plain.log");
  const tls =
    options.tls === true
      ? {
          global: `defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="${caFile}" defaultNetstreamDriverCertFile="${certFile}" defaultNetstreamDriverKeyFile="${keyFile}"`,
          module: `streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon"`,
        }
      : { global: "", module: "" };
  const configuration = `
global(workDirectory="${folder}" maxMessageSize="64k" ${tls.global})
module(load="imtcp" ${tls.module})
template(name="parsed" type="string" string="{${template}}\\n")
ruleset(name="keep") { action(type="omfile" file="${out}" template="parsed" fileCreateMode="0644")
  action(type="omfile" file="${plainFile}" template="RSYSLOG_FileFormat" fileCreateMode="0644") }
input(type="imtcp" address="127.0.0.1" port="${port}" ruleset="keep")
`;
  const identity = process.getuid?.() === 0 ? { uid: unprivilegedID, gid: unprivilegedID } : {};
  if (identity.uid !== undefined) {
    chownSync(folder, unprivilegedID, unprivilegedID);
  }
  const server = await startServer(
    program,
    ["-n", "-i", path.join(folder, "pid"), "-f", file("rsyslog.conf", configuration)],
    port,
    { folder, identity },
  );
  return {
    port,
    caFile,
    plainFile,
    entries: () =>
      (existsSync(out) ? readFileSync(out, "utf8") : "")
        .split("\n")
        .filter((line) => line !== "")
        .map(read),
    stop: () => server.stop(),
  };
}

function read(line: string): SyslogEntry {
  const value = JSON.parse(line) as Record<string, string>;
  return {
    priority: value["pri"] ?? "",
    time: value["timereported"] ?? "",
    host: value["hostname"] ?? "",
    app: value["app-name"] ?? "",
    procID: value["procid"] ?? "",
    msgID: value["msgid"] ?? "",
    data: value["structured-data"] ?? "",
    message: value["msg"] ?? "",
  };
}
