import { readdir, readFile, readlink } from "node:fs/promises";
import { listening, loopbackSockets } from "./socket-table.ts";

/**
 * Who listens on a local port, such as `postgres (process 4711)`; undefined where that cannot be seen. Linux alone shows it, and the process
 * only of one's own user.
 */
export async function portHolder(port: number): Promise<string | undefined> {
  const sockets = await loopbackSockets();
  const holder = sockets?.find((entry) => entry.localPort === port && entry.state === listening);
  if (holder === undefined) {
    return undefined;
  }
  const process = await processWith(`socket:[${holder.inode}]`);
  return process ?? `a process of the user ${await userNameOf(holder.uid)}`;
}

/** The name of a user of this computer, else their number: users of a directory are in no file. */
async function userNameOf(uid: number): Promise<string> {
  const text = await readFile("/etc/passwd", "utf8").catch(() => "");
  // name:password:uid:…, passwd(5)
  const line = text.split("\n").find((entry) => entry.split(":")[2] === String(uid));
  return line?.split(":")[0] || `with ID ${uid}`;
}

async function processWith(link: string): Promise<string | undefined> {
  const ids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  for (const id of ids) {
    // Those of other users cannot be looked into.
    const files = await readdir(`/proc/${id}/fd`).catch(() => []);
    const links = await Promise.all(files.map((file) => readlink(`/proc/${id}/fd/${file}`).catch(() => "")));
    if (links.includes(link)) {
      return `${await nameOf(id)} (process ${id})`;
    }
  }
  return undefined;
}

/** What was run, without the path of the program and without more than the words that say it. */
async function nameOf(id: string): Promise<string> {
  const [name, line] = await Promise.all(
    ["comm", "cmdline"].map((file) => readFile(`/proc/${id}/${file}`, "utf8").catch(() => "")),
  );
  // A script is called by its interpreter's name; which database is served is of interest only for our own kind.
  return line?.includes("\0rds\0proxy\0") || line?.endsWith("\0rds\0proxy")
    ? "sallyport rds proxy"
    : (name ?? "").trim();
}
