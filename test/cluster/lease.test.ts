import { afterAll, afterEach, beforeEach, expect, it } from "vitest";
import { loadKubeAccess } from "#controller/kube/kubeconfig.ts";
import { createKubeTransport } from "#controller/kube/https-transport.ts";
import { LeaseElector } from "#controller/kube/lease.ts";
import type { KubeTransport } from "#controller/kube/transport.ts";
import { type Clock, systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { givenControlPlane } from "../harness/given-control-plane.ts";
import { eventually } from "../harness/process.ts";

/** A Lease counts in whole seconds. */
const times = { leaseDurationMs: 2_000, renewDeadlineMs: 1_200, retryPeriodMs: 300 };

let plane: ControlPlane;
let transport: KubeTransport;
let namespace: string;
let electors: LeaseElector[];
givenControlPlane(async (started) => {
  plane = started;
  const access = await loadKubeAccess({ file: plane.kubeconfigFile, environment: {} });
  transport = createKubeTransport({ access, version: "test", clock: systemClock });
});
afterAll(() => transport?.close());
beforeEach(async () => {
  electors = [];
  namespace = await plane.createNamespace("lease");
});
afterEach(() => Promise.all(electors.map((elector) => elector.close())));

/** A process whose timers stand still between `stop` and `go`, as SIGSTOP has it, while its clock goes on. */
function stoppable(): { readonly clock: Clock; stop(): void; go(): void } {
  let isStopped = false;
  let late: (() => void)[] = [];
  const clock: Clock = {
    ...systemClock,
    after(delayMs, fire) {
      let isCancelled = false;
      const run = (): void => {
        if (isStopped) {
          late.push(run);
        } else if (!isCancelled) {
          fire();
        }
      };
      const cancel = systemClock.after(delayMs, run);
      return () => {
        isCancelled = true;
        cancel();
      };
    },
  };
  return {
    clock,
    stop: () => void (isStopped = true),
    go() {
      isStopped = false;
      const due = late;
      late = [];
      due.forEach((run) => run());
    },
  };
}

function elector(identity: string, clock: Clock = systemClock, own = times): LeaseElector {
  const made = new LeaseElector({
    transport,
    namespace,
    name: "sallyport",
    identity,
    annotations: { "sallyport.dev/peer-address": `${identity}:1` },
    times: own,
    clock,
    random: Math.random,
    log: silentLog,
  });
  electors.push(made);
  made.start();
  return made;
}

const leads = (one: LeaseElector): Promise<true> =>
  eventually("it leads", () => (one.isLeading() ? true : undefined), 10_000, 10);

it("an API server lets one of two electors lead, and the other see where", async () => {
  const [a, b] = [elector("a"), elector("b")];

  const first = await eventually("one leads", () => [a, b].find((one) => one.isLeading()));
  const other = first === a ? b : a;
  const holder = await eventually("the other sees it", () => other.holder());

  expect(other.isLeading()).toBe(false);
  expect(holder.annotations["sallyport.dev/peer-address"]).toBe(`${holder.identity}:1`);
});

it("a holder that is stopped loses the lease to the other, and does not have it when it goes on", async () => {
  const process = stoppable();
  const a = elector("a", process.clock);
  await leads(a);
  const told: boolean[] = [];
  a.onChange((isLeading) => told.push(isLeading));
  const b = elector("b");

  process.stop();
  await leads(b);
  const heldByBoth = a.isLeading();
  process.go();

  expect(heldByBoth).toBe(false);
  expect(a.isLeading()).toBe(false);
  expect(told).toEqual([true, false]);
});

it("a lease that is released is had by the other long before it would have ended by itself", async () => {
  const long = { ...times, leaseDurationMs: 300_000 };
  const a = elector("a", systemClock, long);
  await leads(a);
  const b = elector("b", systemClock, long);
  await eventually("b sees a", () => b.holder());

  await a.close();
  await leads(b);
  const { body } = await plane.request({
    path: `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/sallyport`,
  });

  expect(body).toMatchObject({ spec: { holderIdentity: "b", leaseTransitions: 1 } });
});

it("a lease outlives a silence of the API server that is shorter than its deadline", async () => {
  const a = elector("a");
  await leads(a);
  plane.freeze();

  const heldMeanwhile = a.isLeading();
  plane.thaw();
  const renewed = a.lastRenewedMs();
  await eventually("it is renewed", () => ((a.lastRenewedMs() ?? 0) > (renewed ?? 0) ? true : undefined));

  expect(heldMeanwhile).toBe(true);
  expect(a.isLeading()).toBe(true);
});
