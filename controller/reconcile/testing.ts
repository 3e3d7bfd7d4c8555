import {
  apiVersion,
  formatKey,
  keyOf,
  type AccessWorkflow,
  type AnyObject,
  type Availability,
  type Database,
  type Grant,
  type Kind,
  type ObjectKey,
  type Proxy,
} from "#kinds/index.ts";
import { needsCleanUp } from "../source/clean-up.ts";
import { watchConformance } from "#kinds/conformance-watch.ts";
import type { Source, Stored, Tombstone } from "../source/source.ts";

/** Account, region and instance of the objects below: those of the sandbox's demo organisation. */
export const place = {
  accountID: "111122223333",
  region: "eu-west-1",
  instanceARN: "arn:aws:sso:::instance/ssoins-6804a1b2c3d4e5f6",
  identityStoreID: "d-93671a2b3c",
} as const;

/** A uid made of one digit, so that tests can tell objects apart at a glance. */
export function uidOf(digit: number): string {
  return `00000000-0000-4000-8000-${String(digit).padStart(12, "0")}`;
}

/** What builders let a test change. */
interface Changes<T extends AnyObject> {
  readonly metadata?: Partial<T["metadata"]>;
  readonly spec?: Partial<T["spec"]>;
  readonly status?: T["status"];
}

function build<T extends AnyObject>(kind: T["kind"], name: string, spec: T["spec"], changes: Changes<T>): T {
  return {
    apiVersion,
    kind,
    metadata: { name, namespace: "default", uid: uidOf(1), generation: 1, ...changes.metadata },
    spec: { ...spec, ...changes.spec },
    ...(changes.status === undefined ? {} : { status: changes.status }),
  } as unknown as T;
}

/** Ada asks for read_only on orders for an hour; notAfterTime is 2026-01-02. */
export function aGrant(changes: Changes<Grant> = {}): Grant {
  return build<Grant>(
    "Grant",
    "ada-orders",
    {
      principal: { name: "ada" },
      databaseRef: { name: "orders" },
      roleName: "read_only",
      durationSeconds: 3_600,
      notAfterTime: "2026-01-02T00:00:00.000Z",
      reason: "OPS-1",
    },
    changes,
  );
}

/** The Database orders with the roles read_only and app_owner, at a fixed address. */
export function aDatabase(changes: Changes<Database> = {}): Database {
  const secret = (name: string) => ({
    secretsManager: { secretARN: `arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders-prod/${name}-AbCdEf` },
  });
  return build<Database>(
    "Database",
    "orders",
    {
      engine: "PostgreSQL",
      proxyRef: { name: "main" },
      endpoint: { host: "orders.example.com", port: 5432 },
      databaseName: "orders",
      roles: [
        { name: "read_only", username: "read_only", credentials: secret("read_only") },
        { name: "app_owner", username: "app_owner", credentials: secret("app_owner") },
      ],
    },
    changes,
  );
}

/** The Proxy main. */
export function aProxy(changes: Changes<Proxy> = {}): Proxy {
  return build<Proxy>(
    "Proxy",
    "main",
    {
      ecs: {
        accountID: place.accountID,
        region: place.region,
        clusterName: "sallyport",
        serviceName: "sallyport-proxy",
        taskDefinitionFamily: "sallyport-proxy",
        containerName: "proxy",
      },
      identityCenter: {
        instanceARN: place.instanceARN,
        identityStoreID: place.identityStoreID,
        region: place.region,
      },
      service: {
        image: "sallyport:0.1.0",
        cpu: 256,
        memoryMiB: 512,
        desiredCount: 1,
        subnetIDs: ["subnet-0123456789abcdef0"],
        securityGroupIDs: ["sg-0123456789abcdef0"],
        taskRoleARN: "arn:aws:iam::111122223333:role/sallyport-proxy-task",
        executionRoleARN: "arn:aws:iam::111122223333:role/sallyport-proxy-execution",
      },
    },
    changes,
  );
}

/** A workflow that approves at once, up to two hours. */
export function aWorkflow(changes: Changes<AccessWorkflow> = {}): AccessWorkflow {
  return build<AccessWorkflow>("AccessWorkflow", "auto", { maxDurationSeconds: 7_200 }, changes);
}

/** Developers may ask for read_only on orders under the workflow auto. */
export function anAvailability(changes: Changes<Availability> = {}): Availability {
  return build<Availability>(
    "Availability",
    "developers",
    {
      subjects: [{ kind: "Group", name: "developers" }],
      workflowRef: { name: "auto" },
      roleNames: ["read_only"],
      databaseRefs: [{ name: "orders" }],
    },
    changes,
  );
}

/**
 * A source in memory for tests: what a folder or cluster does for the reconcilers, without either. What is put comes from a file, what is
 * created from the control API.
 */
export interface MemorySource extends Source {
  /** Adds or replaces an object and tells subscribers. */
  put(object: AnyObject): void;
  /** Deletes: what needs clean-up stays with a deletionTimestamp until it is released; the others go at once. */
  remove(key: ObjectKey, at: string): void;
  readonly tombstones: Map<string, Tombstone>;
}

export function memorySource(objects: readonly AnyObject[] = [], now: () => number = Date.now): MemorySource {
  const memory: Memory = {
    stored: new Map(objects.map((object) => [formatKey(keyOf(object)), object])),
    subscribers: new Set(),
    fromApi: new Set(),
  };
  const tombstones = new Map<string, Tombstone>();
  const ended = {
    tombstones,
    putTombstone: async (tombstone: Tombstone) => {
      tombstones.set(`${tombstone.namespace}/${tombstone.name}`, tombstone);
    },
    tombstone(namespace: string, name: string) {
      const found = tombstones.get(`${namespace}/${name}`);
      return found !== undefined && Date.parse(found.notAfterTime) > now() ? found : undefined;
    },
  };
  const idle = {
    start: async () => {},
    isBlank: async () => false,
    preview: async () => [],
    adopt: () => {},
    held: () => undefined,
    confirmHeld: async () => {},
    problems: () => [],
    close: async () => {},
  };
  return { ...idle, ...ended, ...reads(memory), ...writes(memory, now) } as unknown as MemorySource;
}

interface Memory {
  readonly stored: Map<string, AnyObject>;
  readonly subscribers: Set<(key: ObjectKey) => void>;
  /** Keys of what was created through the API. */
  readonly fromApi: Set<string>;
}

function wrap(object: AnyObject, { fromApi }: Pick<Memory, "fromApi">): Stored {
  return { object, origin: fromApi.has(formatKey(keyOf(object))) ? "api" : "test", problems: [] };
}

function reads(memory: Memory) {
  const { stored, subscribers } = memory;
  return {
    list: (kind: Kind) =>
      [...stored.values()].filter((object) => object.kind === kind).map((object) => wrap(object, memory)),
    get(kind: Kind, namespace: string, name: string) {
      const object = stored.get(formatKey({ kind, namespace, name }));
      return object === undefined ? undefined : wrap(object, memory);
    },
    subscribe(onChange: (key: ObjectKey) => void) {
      subscribers.add(onChange);
      return () => subscribers.delete(onChange);
    },
  };
}

function writes(memory: Memory, now: () => number) {
  const { stored, subscribers, fromApi } = memory;
  const tell = (key: ObjectKey): void => {
    for (const subscriber of subscribers) {
      subscriber(key);
    }
  };
  const put = (object: AnyObject): void => {
    const old = stored.get(formatKey(keyOf(object)));
    stored.set(formatKey(keyOf(object)), { ...object, status: object.status ?? old?.status } as AnyObject);
    tell(keyOf(object));
  };
  const remove = (key: ObjectKey, at: string): void => {
    const object = stored.get(formatKey(key));
    if (object !== undefined && needsCleanUp(object)) {
      const metadata = { ...object.metadata, deletionTimestamp: at };
      stored.set(formatKey(key), { ...object, metadata } as AnyObject);
    } else {
      stored.delete(formatKey(key));
    }
    tell(key);
  };
  const accept = async (object: AnyObject): Promise<Stored> => {
    fromApi.add(formatKey(keyOf(object)));
    put(object);
    return wrap(object, memory);
  };
  return {
    put,
    remove,
    create: accept,
    update: async (object: AnyObject) => {
      put(object);
      return wrap(object, memory);
    },
    delete: async (key: ObjectKey) => remove(key, new Date(now()).toISOString()),
    forget: async (object: AnyObject) => {
      if (fromApi.has(formatKey(keyOf(object)))) {
        remove(keyOf(object), new Date(now()).toISOString());
      }
    },
    release: async (object: AnyObject) => {
      stored.delete(formatKey(keyOf(object)));
      tell(keyOf(object));
    },
    async writeStatus(object: AnyObject, change: (status: object) => object, options?: { notify?: boolean }) {
      const current = stored.get(formatKey(keyOf(object)));
      if (current === undefined || current.metadata.uid !== object.metadata.uid) {
        return;
      }
      const status = change(current.status ?? {});
      if (JSON.stringify(status) !== JSON.stringify(current.status ?? {})) {
        stored.set(formatKey(keyOf(object)), { ...current, status } as AnyObject);
        watchConformance({ ...current, status } as AnyObject);
        if (options?.notify === true) {
          tell(keyOf(object));
        }
      }
    },
  };
}
