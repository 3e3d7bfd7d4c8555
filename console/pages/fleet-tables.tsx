import type { Fleet, FleetDatabase, FleetObject, FleetProxy } from "#wire/fleet.ts";
import { bytesText, countText } from "../text/amount.ts";
import { Badge } from "../ui/badge.tsx";
import { Empty } from "../ui/states.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { Time } from "../ui/time.tsx";

/** A quota that is used to more than this share needs somebody's eye. */
const highShare = 0.8;

/** The fleet's objects and limits. */
export function FleetTables({ fleet }: { readonly fleet: Fleet }) {
  return (
    <>
      <section class="stack" aria-labelledby="troubled">
        <h2 id="troubled">Not well</h2>
        {fleet.troubled.length === 0 ? (
          <p class="row">
            <Badge tone="good">All well</Badge> <span class="quiet">Every object is ready.</span>
          </p>
        ) : (
          <Table caption="Objects that are not well" columns={troubledColumns} rows={fleet.troubled} keyOf={keyOf} />
        )}
      </section>
      <section class="stack" aria-labelledby="proxies">
        <h2 id="proxies">Proxies</h2>
        {fleet.proxies.length === 0 ? <Empty icon="fleet" title="No Proxy is declared" /> : null}
        {fleet.proxies.map((proxy) => (
          <ProxyCard key={keyOf(proxy)} proxy={proxy} />
        ))}
      </section>
      <section class="stack" aria-labelledby="fleet-databases">
        <h2 id="fleet-databases">Databases</h2>
        {fleet.databases.length === 0 ? (
          <Empty icon="database" title="No Database is declared" />
        ) : (
          <Table caption="Databases of the fleet" columns={databaseColumns} rows={fleet.databases} keyOf={keyOf} />
        )}
      </section>
      {fleet.quotas.length === 0 ? null : (
        <section class="stack" aria-labelledby="quotas">
          <h2 id="quotas">Limits of AWS</h2>
          <Table caption="Limits of AWS" columns={quotaColumns} rows={fleet.quotas} keyOf={({ name }) => name} />
        </section>
      )}
    </>
  );
}

function ProxyCard({ proxy }: { readonly proxy: FleetProxy }) {
  return (
    <article class="card" aria-label={`Proxy ${proxy.name}`}>
      <div class="card-head">
        <h3>{nameOf(proxy)}</h3>
        <Ready object={proxy} />
      </div>
      {proxy.tasks.length === 0 ? (
        <p class="quiet">No task is linked: nobody can connect through it.</p>
      ) : (
        <Table
          caption={`Tasks of ${proxy.name}`}
          columns={taskColumns}
          rows={proxy.tasks}
          keyOf={(task) => task.taskARN}
        />
      )}
    </article>
  );
}

type Task = FleetProxy["tasks"][number];

const taskColumns: readonly Column<Task>[] = [
  { name: "Task", cell: ({ taskARN }) => <span class="mono">{taskARN.split("/").at(-1)?.slice(0, 12)}</span> },
  { name: "Version", cell: ({ version }) => version },
  { name: "Sessions", kind: "number", cell: ({ sessions }) => (sessions === undefined ? "–" : countText(sessions)) },
  {
    name: "State",
    cell: ({ draining }) =>
      draining === true ? <Badge tone="busy">Draining</Badge> : <Badge tone="good">Linked</Badge>,
  },
  { name: "Clock", kind: "number", cell: ({ skewMs }) => `${skewMs > 0 ? "+" : ""}${Math.round(skewMs)} ms` },
  {
    name: "Not shipped",
    kind: "number",
    cell: ({ spoolBytes }) => (spoolBytes === undefined ? "–" : bytesText(spoolBytes)),
  },
];

const databaseColumns: readonly Column<FleetDatabase>[] = [
  {
    name: "Database",
    cell: (database) => (
      <span>
        {nameOf(database)}
        <span class="below">{database.engine}</span>
      </span>
    ),
  },
  { name: "State", cell: (database) => <Ready object={database} /> },
  { name: "Endpoint", cell: ({ endpoint }) => <span class="mono small breaks">{endpoint ?? "–"}</span> },
  { name: "Live grants", kind: "number", cell: ({ activeGrants }) => countText(activeGrants) },
];

const troubledColumns: readonly Column<FleetObject>[] = [
  {
    name: "Object",
    cell: (object) => (
      <span>
        {nameOf(object)}
        <span class="below">{object.kind}</span>
      </span>
    ),
  },
  {
    name: "What",
    cell: ({ conditions }) => (
      <span>
        {troubles(conditions).map(({ type, reason, message, lastTransitionTime }) => (
          <span key={type} class="below">
            <Badge tone="bad">{reason === "" ? type : reason}</Badge> {message} <Time at={lastTransitionTime} quiet />
          </span>
        ))}
      </span>
    ),
  },
];

const quotaColumns: readonly Column<Fleet["quotas"][number]>[] = [
  { name: "Limit", cell: ({ name }) => name },
  {
    name: "Used",
    cell: ({ name, used, limit }) => (
      <span class="meter">
        <span class="number">
          {countText(used)} of {countText(limit)} {used / limit > highShare ? <Badge tone="warning">High</Badge> : null}
        </span>
        <progress
          class={used / limit > highShare ? "remaining short" : "remaining"}
          max={limit}
          value={used}
          aria-label={name}
        />
      </span>
    ),
  },
];

function Ready({ object }: { readonly object: FleetObject }) {
  const ready = object.conditions.find(({ type }) => type === "Ready");
  const stalled = object.conditions.find(({ type, status }) => type === "Stalled" && status === "True");
  if (stalled !== undefined) {
    return <Badge tone="bad">{stalled.reason === "" ? "Stalled" : stalled.reason}</Badge>;
  }
  if (ready === undefined || ready.status === "Unknown") {
    return <Badge tone="busy">Unknown</Badge>;
  }
  return ready.status === "True" ? <Badge tone="good">Ready</Badge> : <Badge tone="bad">{ready.reason}</Badge>;
}

/** Conditions that say why an object is not well. */
function troubles(conditions: FleetObject["conditions"]): FleetObject["conditions"] {
  return conditions.filter(
    ({ type, status }) => (type === "Ready" && status !== "True") || (type === "Stalled" && status === "True"),
  );
}

function nameOf({ namespace, name }: FleetObject): string {
  return `${namespace}/${name}`;
}

function keyOf({ kind, namespace, name }: FleetObject): string {
  return `${kind}/${namespace}/${name}`;
}
