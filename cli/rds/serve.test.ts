import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import type { GrantView } from "#wire/control-api.ts";
import { testComputer } from "#test/cli/world.ts";
import { ControlFailure } from "../control/failure.ts";
import type { Session } from "../signin/session.ts";
import type { Connection } from "./connect.ts";
import type { Front } from "./front.ts";
import { firstWaitMs } from "./reconnect.ts";
import { Serving } from "./serve.ts";
import { gone, grant, stand } from "#test/cli/serve-stand.ts";

describe("serving a grant", () => {
  it("says how to connect, with the texts that people know", async () => {
    const { computer, served, end, until } = stand(["connection"]);
    await until(() => computer.err().includes("cli:"));

    end({ final: true, message: "this access has expired" });

    expect(await served).toEqual({ kind: "over", message: "this access has expired" });
    expect(computer.err()).toMatchInlineSnapshot(`
      "[i] Database proxy ready for connections on 127.0.0.1:5432
      [i] You can connect now using this connection string: postgresql://read_only:password@127.0.0.1:5432/orders?sslmode=disable
      [i] Or using the postgres cli: psql "postgresql://read_only:password@127.0.0.1:5432/orders?sslmode=disable"
      "
    `);
    expect(computer.out()).toBe("");
  });

  it("tells machines the same as one line of JSON", async () => {
    const { computer, end, until, served } = stand(["connection"], undefined, { format: "json" });
    await until(() => computer.out() !== "");
    end({ final: true, message: "" });
    await served;

    expect(JSON.parse(computer.out())).toEqual({
      event: "READY",
      host: "127.0.0.1",
      engine: "PostgreSQL",
      databaseName: "orders",
      username: "read_only",
      port: 5432,
      url: "postgresql://read_only:password@127.0.0.1:5432/orders?sslmode=disable",
      grantID: "g1",
      endpoint: { host: "db.test", port: 5433 },
      expiryTime: "2026-01-01T01:00:00.000Z",
    });
    expect(computer.err()).toBe("");
  });

  it("lets database clients hear their last words before the tunnel is closed", async () => {
    const { log, end, served, until } = stand(["connection"]);
    await until(() => log.includes("open"));

    end({ final: true, message: "over" });
    await served;

    expect(log).toEqual(["connect 1", "open", "shut", "drained", "close 1"]);
  });

  it("finds the way again while the grant is live, and tells each obstacle once", async () => {
    const { computer, log, end, until, served } = stand(["connection", gone, gone, gone, "connection"]);
    await until(() => log.includes("open"));

    end({ final: false, message: "the SSM session is over" });
    await until(() => log.filter((entry) => entry === "open").length === 2);
    end({ final: true, message: "over" });
    await served;

    expect(log.slice(0, 6)).toEqual(["connect 1", "open", "hold", "close 1", "connect 2", "open"]);
    expect(computer.err().split("\n").slice(3)).toEqual([
      "[RECONNECTING] the SSM session is over; looking for the way again",
      "[i] no way there; trying again",
      "[RECONNECTED] The database can be used again",
      "",
    ]);
  });

  it("moves to the successor of a proxy that is being replaced, and keeps the old way until its last connection ends", async () => {
    const notYet = new UserError("ProxyNotReady", "no task is ready");
    const { computer, log, drain, idle, end, until, served } = stand(["connection", notYet, "connection"]);
    await until(() => log.includes("open"));

    drain();
    await until(() => log.filter((entry) => entry === "open").length === 2);
    const moved = [...log];
    idle(1);
    await until(() => log.includes("close 1"));
    end({ final: true, message: "over" });
    await served;

    expect(moved).toEqual(["connect 1", "open", "hold", "connect 2", "open"]);
    expect(log.slice(moved.length)).toEqual(["close 1", "shut", "drained", "close 2"]);
    expect(computer.err().split("\n").slice(3)).toEqual([
      "[MOVING] the proxy is being replaced",
      "[i] no task is ready; trying again",
      "[MOVED] New connections go to the new proxy",
      "",
    ]);
  });

  it("leaves no old way open when the person stops it", async () => {
    const { computer, log, drain, until, served } = stand(["connection", "connection"]);
    await until(() => log.includes("open"));
    drain();
    await until(() => log.includes("connect 2"));

    computer.stop();
    await served;

    expect(log.slice(-2).toSorted()).toEqual(["close 1", "close 2"]);
  });

  it("does not look for a successor when the grant ends meanwhile", async () => {
    const { log, drain, end, until, served } = stand(["connection", gone, gone, gone]);
    await until(() => log.includes("open"));
    drain();
    await until(() => log.includes("hold"));

    end({ final: true, message: "this access has expired" });
    await until(() => log.includes("drained"));

    expect(await served).toEqual({ kind: "over", message: "this access has expired" });
  });

  it("asks the control API why, when only a lost session was seen", async () => {
    const over = new ControlFailure(409, "GrantNotLive", "it is not live");
    const ended: Partial<GrantView> = { state: "Ended", endReason: "The Grant was deleted." };
    const { end, served, until, log } = stand(["connection", over], () => ended);
    await until(() => log.includes("open"));

    end({ final: false, message: "the SSM session is over" });
    await until(() => log.includes("drained"));

    expect(await served).toEqual({ kind: "over", message: "The Grant was deleted." });
  });

  it("takes a grant that is no longer there for ended", async () => {
    const unknown = new ControlFailure(404, "GrantNotFound", "you have no grant g1");
    const { end, served, until, log } = stand(["connection", unknown], () => {
      throw unknown;
    });
    await until(() => log.includes("open"));

    end({ final: false, message: "the SSM session is over" });
    await until(() => log.includes("drained"));

    expect(await served).toEqual({ kind: "over", message: "you have no grant g1" });
  });

  it("tries again at once when a database client waits, and does not when it has just tried", async () => {
    const { clock, end, wanted, until, log, served } = stand([
      "connection",
      gone,
      gone,
      gone,
      gone,
      gone,
      "connection",
    ]);
    await until(() => log.includes("open"));
    end({ final: false, message: "lost" });
    await until(() => clock.monotonicMs() > 12_000);
    const before = log.length;

    wanted();
    await until(() => log.length > before);
    end({ final: true, message: "over" });
    await served;

    expect(log[before]).toBe("connect 2");
  });

  it("reconnects though the control API cannot be asked", async () => {
    const { end, until, log, served } = stand(["connection", "connection"], () => {
      throw new ControlFailure(0, "ControllerUnreachable", "away");
    });
    await until(() => log.includes("open"));

    end({ final: false, message: "lost" });
    await until(() => log.includes("connect 2"));
    end({ final: true, message: "over" });

    expect(await served).toEqual({ kind: "over", message: "over" });
  });

  it.each(["GrantNotLive", "GrantNotFound", "ProxyRefused", "SignInNeeded"])(
    "stops reconnecting at %s, which does not pass by itself",
    async (code) => {
      const { end, until, log, served, isOver } = stand(["connection", new UserError(code, "not any more")]);
      await until(() => log.includes("open"));

      end({ final: false, message: "lost" });
      await until(() => isOver());

      await expect(served).rejects.toMatchObject({ code });
    },
  );

  it("stops reconnecting when the grant's time is over", async () => {
    const { clock, end, until, log, served, isOver } = stand(["connection", gone, gone]);
    await until(() => log.includes("open"));
    end({ final: false, message: "lost" });
    await until(() => log.includes("close 1"));

    clock.advance(3_600_000);
    await until(() => isOver());

    await expect(served).rejects.toBe(gone);
  });

  it("waits for the proxy to learn of a new grant, and not for what does not pass", async () => {
    const unknown = new UserError("ProxyRefusedForNow", "the proxy refused the connection");
    const first = stand([unknown, unknown, "connection"]);
    await first.until(() => first.log.includes("open"));
    first.computer.stop();
    await first.served;

    const second = stand([gone]);
    await expect(second.served).rejects.toBe(gone);

    const tries = Math.ceil(firstWaitMs / 500) + 2;
    const third = stand(Array.from({ length: tries }, () => unknown));
    await third.until(() => third.isOver());
    await expect(third.served).rejects.toBe(unknown);
  });
});

describe("a person who stops it", () => {
  it("while it serves ends it at once and in order", async () => {
    const { computer, log, served, until } = stand(["connection"]);
    await until(() => log.includes("open"));

    computer.stop();

    expect(await served).toEqual({ kind: "stopped" });
    // Clients hear that the command was ended, not that their way was lost.
    expect(log.slice(-2)).toEqual(["front closed", "close 1"]);
  });

  it("while it connects does not wait for the connection, which is closed when it comes", async () => {
    const clock = manualClock();
    using computer = testComputer({ clock });
    const late = Promise.withResolvers<Connection>();
    const closed = Promise.withResolvers<string>();
    const front = { onWanted() {}, onClient() {} } as unknown as Front;
    const served = new Serving({} as Session, grant, front, computer.world, { connect: () => late.promise }).run();

    computer.stop();
    await expect(served).rejects.toMatchObject({ name: "AbortError" });
    late.resolve({ close: async () => closed.resolve("closed") } as unknown as Connection);

    expect(await closed.promise).toBe("closed");
  });

  it("leaves no listener behind", async () => {
    const { computer, log, served, end, until } = stand(["connection", gone, "connection", gone, "connection"]);
    const { signal } = computer.world;
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    for (const number of [1, 2]) {
      await until(() => log.filter((entry) => entry === "open").length === number);
      end({ final: false, message: "lost" });
    }
    await until(() => log.filter((entry) => entry === "open").length === 3);
    end({ final: true, message: "over" });
    await served;

    // One was added before the counting began, and it went.
    expect(listeners).toBeLessThanOrEqual(0);
  });
});
