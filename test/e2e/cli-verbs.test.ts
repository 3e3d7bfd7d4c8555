import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GrantView, SessionView } from "#wire/control-api.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { ended, type SallyportProcess, within } from "../harness/process.ts";
import * as support from "./support.ts";

/** Margaret asks, grace (an administrator) decides, linus has nothing to do with it: each with processes of their own. */
let installation: Installation;
let grantID: string;

beforeAll(async () => {
  installation = await startInstallation({ sandbox: { delays: { identityCenterMs: 30 } } });
  // May be lengthened at once: nobody waits for half of the time in a test.
  const workflows = readFileSync(path.join(installation.folder, "workflows.yaml"), "utf8");
  installation.writeManifest("workflows.yaml", workflows.replace(/ +afterPercent: 50\n/, ""));
  await untilProxyLinked(installation);
  for (const who of ["margaret", "grace", "linus"]) {
    await signInDirectly(installation, who);
  }
});
afterAll(() => installation?.stop());

/** Runs a command to its end. */
async function cli(who: string, ...args: string[]): Promise<{ code: number; said: string }> {
  const command = installation.run(who, args);
  const code = await ended(command);
  return { code, said: command.lines.join("\n") };
}

/** Waits until a command that goes on says this. */
function says(command: SallyportProcess, text: string): Promise<string> {
  const line = command.line((one) => one.includes(text));
  return within(`"${text}" is said`, line, () => command.lines.join("\n"));
}

/** What the doctor found, by check. */
function verdictsOf(json: string): Record<string, string> {
  const { findings } = JSON.parse(json) as { findings: { check: string; verdict: string }[] };
  return Object.fromEntries(findings.map(({ check, verdict }) => [check, verdict]));
}

/** Asks as margaret; the name by which the request is known at once. */
async function ask(...more: string[]): Promise<string> {
  const { code, said } = await cli("margaret", "request", "orders", "app_owner", "--yes", ...more, "-o", "json");
  expect({ code, said }).toMatchObject({ code: 0 });
  const asked = JSON.parse(said.split("\n").at(-1) ?? "") as GrantView;
  return `${asked.namespace}/${asked.name}`;
}

describe("access from the command line alone", () => {
  it("says what a request would do, and names what was meant", async () => {
    const dry = await cli("margaret", "request", "orders", "app_owner", "--dry-run");
    const wrong = await cli("margaret", "request", "ordres", "app_owner");
    const role = await cli("margaret", "request", "orders", "app_ownr");

    expect(dry).toEqual({
      code: 0,
      said: "[WILL REQUEST] app_owner access to orders will require approval\nNothing was changed: --dry-run.",
    });
    expect(wrong.code).toBe(1);
    expect(wrong.said).toContain("Did you mean orders?");
    expect(role.said).toContain("Did you mean app_owner?");
  });

  it("is denied with a comment that the person who waits for it reads", async () => {
    const name = await ask("--reason", "OPS-1");
    const waiting = installation.run("margaret", ["wait", name]);
    await waiting.line((line) => line.includes("PendingApproval"));

    const silent = await cli("grace", "deny", name);
    const denied = await cli("grace", "deny", name, "--comment", "read_only is enough", "--yes");

    expect(silent.code).toBe(2);
    expect(denied.code).toBe(0);
    expect(denied.said).toContain("reason:     OPS-1");
    expect(denied.said).toContain("Denied: margaret's app_owner access to orders");
    expect(await ended(waiting)).toBe(1);
    expect(waiting.lines.join("\n")).toContain("the request was denied by grace: read_only is enough");
  });

  it("is approved by another person only, who sees exactly what is approved", async () => {
    const name = await ask("--duration", "10m", "--reason", "OPS-2");
    const waiting = installation.run("margaret", ["wait", name, "--for", "active", "--timeout", "1m"]);
    await waiting.line((line) => line.includes("PendingApproval"));

    const [own, stranger, unasked] = [
      await cli("margaret", "approve", name, "--yes"),
      await cli("linus", "approve", name, "--yes"),
      await cli("grace", "approve", name),
    ];
    const queue = await cli("grace", "reviews");
    const approved = await cli("grace", "approve", name, "--comment", "go on", "--yes");

    expect(own.said).toContain("does not wait for you to approve it");
    expect(own.said).toContain("it is your own request, which takes somebody else's word");
    expect(stranger.said).toContain(`no grant that you may see is called ${name}`);
    expect(unasked.said).toContain("Run it again with --yes.");
    expect([own.code, stranger.code, unasked.code]).toEqual([1, 1, 1]);
    expect(queue.said).toContain("OPS-2");
    expect(approved.said).toMatch(/\[REVIEW\] margaret: app_owner on orders\n/);
    expect(approved.said).toMatch(/how long: +10m\n/);
    expect(approved.said).toMatch(/digest: +\S{20}/);
    // Said once it counts: not that none of one has approved.
    expect(approved.said.split("\n").at(-1)).toBe("Approved: margaret's app_owner access to orders");
    expect(await ended(waiting)).toBe(0);
    ({ grantID } = await support.json<GrantView>(installation, "margaret", "grants", "get", name));
    expect(waiting.lines.at(-1)).toBe(`${grantID} is active: app_owner access to orders for margaret, Active`);
    expect((await cli("grace", "wait", name, "--for", "approved", "--timeout", "0")).code).toBe(0);
    expect((await cli("grace", "wait", name, "--for", "ended", "--timeout", "0")).code).toBe(1);
  });

  it("is lengthened once, and no more", async () => {
    const before = await support.json<GrantView>(installation, "margaret", "grants", "get", grantID);

    const first = await cli("margaret", "extend", grantID.slice(0, 8));
    const second = await cli("margaret", "extend", grantID);

    const after = await support.json<GrantView>(installation, "margaret", "grants", "get", grantID);
    expect(first).toMatchObject({ code: 0, said: expect.stringContaining(`ends at ${after.expiryTime}`) });
    expect(Date.parse(after.expiryTime ?? "") - Date.parse(before.expiryTime ?? "")).toBe(1_800_000);
    expect(second).toMatchObject({ code: 1, said: expect.stringContaining("1 of 1 extensions are used") });
  });

  it("is found to work by the doctor, who starts nothing", async () => {
    const before = installation.sandbox.ssm.sessions().length;
    const well = await cli("margaret", "doctor", "-o", "json");
    const without = await cli("linus", "doctor", "-o", "json");
    const stranger = await cli("ada", "doctor");

    const found = verdictsOf(well.said);
    expect(found).toMatchObject({ api: "ok", tls: "ok", clock: "ok", identity: "ok", portal: "ok", ssm: "ok" });
    expect(found["session"]).toBe("ok");
    expect(verdictsOf(without.said)).toMatchObject({ identity: "ok", session: "skipped" });
    expect(stranger.code).toBe(1);
    expect(stranger.said).toMatch(/problem  identity  you are not signed in[^]+next: sallyport login/);
    expect(installation.sandbox.ssm.sessions()).toHaveLength(before);
  });

  it("loses one session and keeps the other, and the trail is followed meanwhile", async () => {
    const tail = installation.run("grace", ["audit", "tail", "--grant", grantID.slice(0, 10), "--since", "10m"]);
    const { proxy, url } = await support.connectAs(installation, "margaret", "app_owner");
    const [one, other] = [await support.connected(url), await support.connected(url)];
    await one.client.query("select 'to be killed' as mark");
    await says(tail, "to be killed");
    const { items } = await support.json<{ items: SessionView[] }>(
      installation,
      "margaret",
      "sessions",
      "list",
      "--grant",
      grantID,
      "--open",
    );
    const busy = items.find(({ statements }) => statements > 0)?.session ?? "";

    const stranger = await cli("linus", "sessions", "kill", busy, "--reason", "mine");
    const killed = await cli("grace", "sessions", "kill", busy.slice(0, 12), "--reason", "it holds a lock");

    expect(items).toHaveLength(2);
    expect(stranger).toMatchObject({ code: 1, said: expect.stringContaining("you have no session") });
    expect(killed).toMatchObject({ code: 0, said: expect.stringContaining("its process in the database is gone") });
    await says(tail, "closed: grace ended this session: it holds a lock");
    expect((await other.client.query("select 1")).rowCount).toBe(1);
    expect(one.lastWords()).toContain("it holds a lock");
    tail.kill("SIGINT");
    expect([0, 130]).toContain(await ended(tail));
    await other.client.end();
    proxy.kill("SIGINT");
    await ended(proxy);
  });

  it("ends at a word, and what happened can be read", async () => {
    const over = installation.run("grace", ["wait", grantID, "--for", "ended"]);

    const revoked = await cli("margaret", "revoke", grantID, "--reason", "done");

    expect(revoked).toEqual({ code: 0, said: `Grant ${grantID} is being ended: done` });
    expect(await ended(over)).toBe(0);
    const { said } = await cli("margaret", "events", "--grant", grantID);
    for (const event of ["grant.requested", "grant.approved", "grant.extended", "session.killed", "grant.ended"]) {
      expect(said).toContain(event);
    }
  });

  it("that is still waited for is cancelled by the same word", async () => {
    const name = await ask("--reason", "OPS-3");
    await cli("margaret", "wait", name, "--for", "approved", "--timeout", "1s");

    const { said } = await cli("margaret", "revoke", name, "--reason", "not needed");

    expect(said).toMatch(/is being cancelled: not needed/);
    expect((await cli("margaret", "wait", name, "--for", "ended", "--timeout", "30s")).code).toBe(0);
  });
});
