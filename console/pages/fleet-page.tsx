import { useState } from "preact/hooks";
import type { Fleet } from "#wire/fleet.ts";
import type { ProblemList } from "#wire/control-api.ts";
import { useLoad, useReloading } from "../data/use-load.ts";
import { useSession } from "../session/session.tsx";
import { countText, lengthText } from "../text/amount.ts";
import { Button } from "../ui/button.tsx";
import { Notice } from "../ui/notice.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { ProblemNotice } from "../ui/problem-notice.tsx";
import { Loading } from "../ui/states.tsx";
import { Time } from "../ui/time.tsx";
import { FleetTables } from "./fleet-tables.tsx";
import { HeldDialog } from "./held-dialog.tsx";

/** The fleet has no stream; what an operator looks at is this old at most, in milliseconds. */
const lookMs = 15_000;

/** What runs the installation watches: proxies, databases, what is not well, quotas, how fast access ends. */
export function FleetPage() {
  const { value, problem, reload } = useLoad<Fleet>("/v1/fleet");
  useReloading(reload, lookMs);
  return (
    <>
      <PageHead title="Fleet" lead="Proxies, databases, and how well access ends.">
        <Button size="small" onPress={reload}>
          Look again
        </Button>
      </PageHead>
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      <Held />
      {value === undefined && problem === undefined ? <Loading what="fleet" rows={5} /> : null}
      {value === undefined ? null : (
        <>
          {value.problems.length === 0 ? null : (
            <Notice tone="warning" title={`${value.problems.length} declarations are not accepted`}>
              <ul>
                {value.problems.map((text) => (
                  <li key={text}>{text}</li>
                ))}
              </ul>
            </Notice>
          )}
          <Figures fleet={value} />
          <FleetTables fleet={value} />
        </>
      )}
    </>
  );
}

/** Deletions that wait for a person. */
function Held() {
  const { person } = useSession();
  const { value, reload } = useLoad<ProblemList>("/v1/problems");
  const [isAsking, setAsking] = useState(false);
  useReloading(reload, lookMs);
  const held = value?.held;
  if (held === undefined) {
    return null;
  }
  return (
    <Notice tone="warning" title={`${held.keys.length} objects disappeared at once: their deletion is held`}>
      <p>
        Since <Time at={held.since} />. Nothing is revoked because of it until somebody confirms.
      </p>
      {person.roles.includes("administrator") ? <Button onPress={() => setAsking(true)}>Look at them</Button> : null}
      {isAsking ? (
        <HeldDialog
          held={held}
          onClose={() => {
            setAsking(false);
            reload();
          }}
        />
      ) : null}
    </Notice>
  );
}

function Figures({ fleet }: { readonly fleet: Fleet }) {
  const tasks = fleet.proxies.flatMap((proxy) => proxy.tasks);
  const sessions = tasks.reduce((sum, task) => sum + (task.sessions ?? 0), 0);
  const { revocationLag: lag } = fleet;
  const figures: readonly (readonly [string, string])[] = [
    ["Live grants", countText(fleet.grants["Active"] ?? 0)],
    ["Waiting for approval", countText(fleet.grants["PendingApproval"] ?? 0)],
    ["Open sessions", countText(sessions)],
    ["Proxy tasks", countText(tasks.length)],
    ["Access ends within (p99, a day)", lag === undefined ? "–" : lengthText(lag.p99Ms)],
    ["Slowest end (a day)", lag === undefined ? "–" : lengthText(lag.maxMs)],
  ];
  return (
    <dl class="figures">
      {figures.map(([name, figure]) => (
        <div key={name} class="figure">
          <dt>{name}</dt>
          <dd>{figure}</dd>
        </div>
      ))}
    </dl>
  );
}
