import { UserError } from "#lib/errors.ts";
import { pause } from "#lib/clock.ts";
import { clusterTrust, type IdentityTrust } from "../admission/identity-trust.ts";
import { originProof } from "../admission/origin-proof.ts";
import type { ClusterOptions } from "../cluster-options.ts";
import { tellingEvents } from "../kube/event-source.ts";
import { EventRecorder } from "../kube/events.ts";
import { createKubeTransport } from "../kube/https-transport.ts";
import { loadKubeAccess } from "../kube/kubeconfig.ts";
import { LeaseElector } from "../kube/lease.ts";
import { clusterAccess } from "../metrics/access.ts";
import type { KubeTransport } from "../kube/transport.ts";
import { alwaysLeading } from "../leadership/leadership.ts";
import { type Address, formatAddress, parseAddress } from "../option-values.ts";
import { Door } from "../replicas/door.ts";
import { createControlServer } from "../serve/server.ts";
import { type ClusterSource, createClusterSource } from "../source/cluster/source.ts";
import type { ControllerWorld } from "../world.ts";
import type { Entrance, Mode } from "./mode.ts";
import { recoverLostState } from "./recover.ts";

/** On the Lease: where the leader takes what other replicas pass on to it. */
const peerAnnotation = "sallyport.dev/peer-address";

/** How often a replica looks whether the leader has brought a new installation's state into being, in milliseconds. */
const blankLookMs = 1_000;

/** A Kubernetes cluster. The holder of the Lease acts, every other replica follows and is ready to take over. */
export async function clusterMode(world: ControllerWorld, options: ClusterOptions): Promise<Mode> {
  const { clock, log, version, telemetry, environment, newID, hostName } = world;
  const { kubeconfig: file, context } = options;
  const access = await loadKubeAccess({ file, context, environment });
  const ownNamespace = options.ownNamespace ?? access.namespace;
  if (ownNamespace === undefined) {
    throw new UserError("NoNamespace", "it is not known in which namespace the controller's Lease and tombstones are", {
      next: "Give --controller-namespace NAME.",
    });
  }
  const onRequest = telemetry?.kube;
  const transport = createKubeTransport({ access, version, clock, ...(onRequest === undefined ? {} : { onRequest }) });
  telemetry?.protect(clusterAccess(transport, clock));
  const { namespaces } = options;
  const random = Math.random;
  const origin = originProof(world.options.privateKey, world.options.installation);
  const followed = createClusterSource({ transport, clock, random, log, namespaces, ownNamespace, origin });
  const replica = `${hostName}_${newID()}`;
  const events = new EventRecorder({ transport, instance: replica, clock, newID, log });
  const elector = electorOf(world, options, { transport, namespace: ownNamespace, identity: replica });
  const identity = clusterTrust({ transport, namespace: ownNamespace, clock, log });
  return new ClusterMode(world, options, { transport, followed, events, elector, identity });
}

interface Parts {
  readonly transport: KubeTransport;
  readonly followed: ClusterSource;
  readonly events: EventRecorder;
  readonly identity: IdentityTrust;
  /** Absent: the only replica. */
  readonly elector: LeaseElector | undefined;
}

class ClusterMode implements Mode {
  readonly source: ClusterSource;
  readonly leadership: Mode["leadership"];
  readonly identity: IdentityTrust;
  readonly observed: Mode["observed"];
  readonly #world: ControllerWorld;
  readonly #options: ClusterOptions;
  readonly #parts: Parts;

  constructor(world: ControllerWorld, options: ClusterOptions, parts: Parts) {
    const { followed, events, elector } = parts;
    const { election } = options;
    this.#world = world;
    this.#options = options;
    this.#parts = parts;
    this.identity = parts.identity;
    this.source = tellingEvents(followed, events);
    this.leadership = elector ?? alwaysLeading;
    const reflectors = () => [...followed.watches()].map(([name, stats]) => ({ name, ...stats }));
    const lease =
      elector === undefined || election === undefined
        ? undefined
        : { name: election.leaseName, leadership: elector, durationMs: election.times.leaseDurationMs };
    this.observed = { reflectors, ...(lease === undefined ? {} : { lease }) };
  }

  async open(): Promise<void> {
    const { clock } = this.#world;
    this.#parts.elector?.start();
    // What AWS remembers is taken over by one replica, the leader; the others read what came of it.
    const over = new AbortController();
    const stopHearing = this.leadership.onChange((isLeading) => (isLeading ? undefined : over.abort()));
    while (!over.signal.aborted && !this.leadership.isLeading() && (await this.source.isBlank())) {
      await pause(clock, blankLookMs);
    }
    stopHearing();
    if (this.leadership.isLeading()) {
      await recoverLostState(this.source, this.#world);
    }
    await this.source.start();
  }

  async catchUp(): Promise<void> {
    await this.#parts.followed.catchUp();
  }

  async listen(server: Parameters<Mode["listen"]>[0]): Promise<Entrance> {
    const { clock, log, options } = this.#world;
    const control = createControlServer(server);
    const door = await Door.open({
      listen: options.listen,
      peerListen: this.#options.peerListen,
      leader: () => this.#leaderAddress(),
      accept: (socket) => control.accept(socket),
      clock,
      log,
    });
    return {
      port: door.port,
      serve: () => door.serve(),
      async close() {
        await control.close();
        await door.close();
      },
    };
  }

  async close(): Promise<void> {
    const { events, elector, transport } = this.#parts;
    this.identity.close();
    await events.close();
    await elector?.close();
    transport.close();
  }

  /** Where the leader takes connections, unless that is this replica. */
  #leaderAddress(): Address | undefined {
    const holder = this.leadership.isLeading() ? undefined : this.#parts.elector?.holder();
    return parseAddress(holder?.annotations[peerAnnotation] ?? "");
  }
}

function electorOf(
  { clock, log }: ControllerWorld,
  { election, peerListen }: ClusterOptions,
  where: Pick<ConstructorParameters<typeof LeaseElector>[0], "transport" | "namespace" | "identity">,
): LeaseElector | undefined {
  if (election === undefined) {
    return undefined;
  }
  const annotations: Record<string, string> =
    peerListen === undefined ? {} : { [peerAnnotation]: formatAddress(peerListen) };
  const { leaseName: name, times } = election;
  return new LeaseElector({ ...where, name, annotations, times, clock, random: Math.random, log });
}
