import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import { nextRenewTime } from "./lease-record.ts";
import { attemptTimeoutMs, checkLeaseTimes, leaseTimesDefault } from "./lease-times.ts";
import { type Delays, LeaseWorld, type SimulatedReplica } from "./lease-world.ts";

const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = leaseTimesDefault;

describe("a lease", () => {
  it("that nobody has is taken at once, and says who holds it, since when and where to reach it", async () => {
    const world = new LeaseWorld();
    const { elector } = world.replica("a", 1, Date.UTC(2026, 0, 1));

    elector.start();
    await world.run(100);

    expect(elector.isLeading()).toBe(true);
    expect(world.lease).toMatchObject({
      metadata: { annotations: { "sallyport.dev/peer": "a" } },
      spec: {
        holderIdentity: "a",
        leaseDurationSeconds: 15,
        acquireTime: "2026-01-01T00:00:00.002000Z",
        renewTime: "2026-01-01T00:00:00.002000Z",
        leaseTransitions: 0,
      },
    });
  });

  it("is renewed every two seconds, each time with another text", async () => {
    const world = new LeaseWorld();
    const { elector } = world.replica("a");
    const seen = new Set<string>();
    world.afterEach = () => void seen.add(world.lease?.spec?.renewTime ?? "");

    elector.start();
    await world.run(60_000);

    expect(elector.isLeading()).toBe(true);
    expect(elector.lastRenewedMs()).toBeGreaterThan(60_000 - 2 * retryPeriodMs);
    expect(seen.size).toBeGreaterThan(25);
  });

  it("of a holder that died is taken when it did not change for its duration, whatever its times say", async () => {
    const world = new LeaseWorld();
    const [a, b] = [world.replica("a", 1, Date.UTC(2099, 0, 1)), world.replica("b", 1, 0)];
    a.elector.start();
    await world.run(1);
    b.elector.start();
    await world.run(30_000);
    expect(b.elector.holder()?.identity).toBe("a");

    a.pause(Number.POSITIVE_INFINITY);
    await world.run(30_000 + leaseDurationMs - retryPeriodMs);
    expect(b.elector.isLeading()).toBe(false);
    await world.run(30_000 + leaseDurationMs + 2 * retryPeriodMs);

    expect(b.elector.isLeading()).toBe(true);
    expect(world.lease?.spec).toMatchObject({ holderIdentity: "b", leaseTransitions: 1 });
  });

  it("is given back when its holder stops in order: the next one has it with its next try", async () => {
    const world = new LeaseWorld();
    const [a, b] = [world.replica("a"), world.replica("b")];
    a.elector.start();
    await world.run(1);
    b.elector.start();
    await world.run(20_000);

    const closed = a.elector.close();
    await world.run(20_010);
    await closed;
    expect(world.lease?.spec?.holderIdentity).toBeUndefined();
    await world.run(20_010 + 2 * retryPeriodMs);

    expect(b.elector.isLeading()).toBe(true);
  });

  it("is given back although a renewal was under way when the stop came", async () => {
    const world = new LeaseWorld();
    const { elector } = world.replica("a");
    elector.start();
    await world.run(retryPeriodMs - 1);
    // The renewal reaches the server after the release has read the lease.
    const delays: Delays[] = [
      { thereMs: 15, backMs: 1 },
      { thereMs: 1, backMs: 1 },
      { thereMs: 20, backMs: 1 },
    ];
    world.delays = () => delays.shift() ?? { thereMs: 1, backMs: 1 };
    await world.run(retryPeriodMs + 3);

    const closed = elector.close();
    await world.run(retryPeriodMs + 200);
    await closed;

    expect(world.lease?.spec?.holderIdentity).toBeUndefined();
  });

  it("survives a try that hangs", async () => {
    const world = new LeaseWorld();
    const { elector } = world.replica("a");
    elector.start();
    await world.run(3_000);
    const delays: Delays[] = [{ thereMs: 60_000, backMs: 1 }];
    world.delays = () => delays.shift() ?? { thereMs: 1, backMs: 1 };

    await world.run(120_000);

    expect(delays).toEqual([]);
    expect(elector.isLeading()).toBe(true);
  });

  it("that cannot be renewed ends at its deadline, once and for good", async () => {
    const world = new LeaseWorld();
    const { elector } = world.replica("a");
    const told: boolean[] = [];
    elector.onChange((isLeading) => told.push(isLeading));
    elector.start();
    await world.run(1_000);
    world.delays = () => ({ thereMs: 1, backMs: 1, cut: "before" });

    await world.run(renewDeadlineMs - 1);
    const justBefore = elector.isLeading();
    await world.run(renewDeadlineMs + 1);
    world.delays = () => ({ thereMs: 1, backMs: 1 });
    await world.run(60_000);

    expect(justBefore).toBe(true);
    expect(told).toEqual([true, false]);
    expect(elector.isLeading()).toBe(false);
    expect(() => elector.assertLeading("sso:CreateAccountAssignment")).toThrow(/does not hold the lease/);
  });

  it("that another took ends with the next try", async () => {
    const world = new LeaseWorld();
    const { elector } = world.replica("a");
    elector.start();
    await world.run(1_000);
    world.alter((lease) => ({ ...lease, spec: { ...lease.spec, holderIdentity: "thief" } }));

    await world.run(1_000 + retryPeriodMs);

    expect(elector.isLeading()).toBe(false);
    expect(world.lease?.spec?.holderIdentity).toBe("thief");
  });

  it("that somebody labelled is renewed all the same, and keeps its label", async () => {
    const world = new LeaseWorld();
    const { elector } = world.replica("a");
    elector.start();
    await world.run(1_000);
    world.alter((lease) => ({ ...lease, metadata: { ...lease.metadata, labels: { team: "data" } } }));

    await world.run(30_000);

    expect(elector.isLeading()).toBe(true);
    expect(world.lease?.metadata.labels).toEqual({ team: "data" });
  });

  it("that was deleted by hand is not taken by those who saw its holder, until its time is over", async () => {
    const world = new LeaseWorld();
    const [a, b] = [world.replica("a"), world.replica("b")];
    a.elector.start();
    await world.run(1);
    b.elector.start();
    await world.run(10_000);

    world.lease = undefined;
    a.pause(10_000 + renewDeadlineMs);
    await world.run(10_000 + renewDeadlineMs - 1);
    const whilePaused = world.leading();
    await world.run(60_000);

    expect(whilePaused).toBeLessThanOrEqual(1);
    expect(b.elector.isLeading()).toBe(true);
    expect(a.elector.isLeading()).toBe(false);
  });

  it("is not held by a process that was stopped (SIGSTOP) from the instant at which it goes on", async () => {
    const world = new LeaseWorld();
    const a = world.replica("a");
    a.elector.start();
    await world.run(1_000);

    a.pause(1_000 + leaseDurationMs);
    await world.run(1_000 + leaseDurationMs);

    expect(a.elector.isLeading()).toBe(false);
  });
});

it("counts from the beginning of a renewal: an answer that is read late is no news", async () => {
  const world = new LeaseWorld();
  const [a, b] = [world.replica("a"), world.replica("b")];
  a.elector.start();
  await world.run(1);
  b.elector.start();
  await world.run(19_000);
  world.delays = () => ({ thereMs: 1, backMs: 100 });
  await world.run(20_050);
  let most = 0;
  world.afterEach = () => (most = Math.max(most, world.leading()));

  a.pause(60_000);
  await world.run(70_000);

  expect(b.elector.isLeading()).toBe(true);
  expect(most).toBe(1);
});

const chaos = fc.record({
  /** Fastest ÷ slowest is 1.41; duration ÷ deadline is 1.5. */
  rates: fc.array(fc.double({ min: 0.85, max: 1.2, noNaN: true }), { minLength: 2, maxLength: 4 }),
  walls: fc.array(fc.integer({ min: 0, max: 4e12 }), { minLength: 4, maxLength: 4 }),
  delays: fc.array(
    fc.record({
      thereMs: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 30_000 })),
      backMs: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 8_000 })),
      cut: fc.constantFrom(undefined, undefined, undefined, "before" as const, "after" as const),
    }),
    { minLength: 1, maxLength: 60 },
  ),
  pauses: fc.array(fc.record({ who: fc.nat(3), atMs: fc.nat(150_000), forMs: fc.integer({ min: 100, max: 40_000 }) }), {
    maxLength: 8,
  }),
});

it("is held by one replica at most at every instant, through delays, cuts, stops, and clocks of different rates", async () => {
  let reigns = 0;
  await fc.assert(
    fc.asyncProperty(chaos, async ({ rates, walls, delays, pauses }) => {
      const world = new LeaseWorld();
      let most = 0;
      let at = 0;
      world.afterEach = () => (most = Math.max(most, world.leading()));
      world.delays = () => delays[at++ % delays.length] as Delays;
      const replicas: SimulatedReplica[] = [];
      const begin = (rate: number, index: number): void => {
        const replica = world.replica(`${index}-${world.replicas.length}`, rate, walls[index] ?? 0);
        replicas[index] = replica;
        // A process that lost the lease ends, and is started again.
        replica.elector.onChange((isLeading) => (isLeading ? (reigns += 1) : begin(rate, index)));
        replica.elector.start();
      };
      rates.forEach(begin);
      for (const { who, atMs, forMs } of pauses.toSorted((a, b) => a.atMs - b.atMs)) {
        await world.run(atMs);
        replicas[who % rates.length]?.pause(atMs + forMs);
      }
      await world.run(200_000);
      const tries = at;
      world.delays = () => ({ thereMs: 5, backMs: 5 });
      await world.run(300_000);

      expect(most).toBe(1);
      expect(tries).toBeGreaterThan(10);
      expect(world.leading()).toBe(1);
    }),
    { seed: fuzzSeed, numRuns: 60 },
  );
  // Leadership was lost and won again, or nothing was tried.
  expect(reigns).toBeGreaterThan(120);
});

it("is renewed with a later time than before though the wall clock stands still or goes back", () => {
  const first = nextRenewTime(1_000, undefined);
  const second = nextRenewTime(1_000, first);
  const third = nextRenewTime(0, second);

  expect([first, second, third]).toEqual([
    "1970-01-01T00:00:01.000000Z",
    "1970-01-01T00:00:01.001000Z",
    "1970-01-01T00:00:01.002000Z",
  ]);
});

describe("the times of a lease", () => {
  it.each([
    [{ leaseDurationMs: 10_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 }, "--lease-duration"],
    [{ leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 9_000 }, "--lease-renew-deadline"],
  ])("are refused where a holder could be outlived: %o", (times, flag) => {
    expect(() => checkLeaseTimes(times)).toThrow(flag);
  });

  it("give one try half of the deadline, and a second at least", () => {
    expect(attemptTimeoutMs(leaseTimesDefault)).toBe(5_000);
    expect(attemptTimeoutMs({ ...leaseTimesDefault, renewDeadlineMs: 1_500 })).toBe(1_000);
  });
});
