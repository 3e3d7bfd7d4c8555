import { useEffect } from "preact/hooks";
import type { GrantView, SessionList, SessionView } from "#wire/control-api.ts";
import { useLoad, useReloading } from "../data/use-load.ts";
import { KillSession, mayKill } from "../live/kill-session.tsx";
import { hrefOf } from "../router/match.ts";
import { useSession } from "../session/session.tsx";
import { countText } from "../text/amount.ts";
import { durationText } from "../text/duration.ts";
import { Badge } from "../ui/badge.tsx";
import { ProblemNotice } from "../ui/problem-notice.tsx";
import { Empty, Loading } from "../ui/states.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { Time } from "../ui/time.tsx";
import { ForeignText } from "../ui/foreign-text.tsx";

/** Sessions have no stream of their own: a live grant's are looked at this often, in milliseconds. */
const lookMs = 10_000;
const never = 2 ** 31 - 1;

/** Database sessions of a grant, the newest first. */
export function SessionsCard({ grant }: { readonly grant: GrantView }) {
  const { person } = useSession();
  const { value, problem, reload } = useLoad<SessionList>("/v1/sessions", { grantID: grant.grantID });
  const isLive = grant.state === "Active";
  useReloading(reload, isLive || grant.state === "Revoking" ? lookMs : never);
  useEffect(reload, [reload, grant.state]);
  const sessions = (value?.items ?? []).toSorted((one, other) => other.startTime.localeCompare(one.startTime));
  const columns = mayKill(person, grant.userName) ? [...sessionColumns, killColumn(reload)] : sessionColumns;
  return (
    <section class="stack" aria-labelledby="sessions">
      <h2 id="sessions">Sessions</h2>
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      {value === undefined && problem === undefined ? <Loading what="sessions" rows={1} /> : null}
      {value !== undefined && sessions.length === 0 ? (
        <Empty icon="terminal" title={isLive ? "No sessions yet" : "There were no sessions"}>
          {isLive ? <p>They appear here when somebody connects through the grant.</p> : null}
        </Empty>
      ) : null}
      {sessions.length === 0 ? null : (
        <Table caption="Sessions" columns={columns} rows={sessions} keyOf={({ session }) => session} />
      )}
    </section>
  );
}

const sessionColumns: readonly Column<SessionView>[] = [
  {
    name: "Session",
    cell: ({ session }) => (
      <a class="row-link mono" href={hrefOf(`/sessions/${encodeURIComponent(session)}`)}>
        {session.slice(0, 8)}
      </a>
    ),
  },
  {
    name: "State",
    cell: ({ endTime, closeReason }) =>
      endTime === undefined ? (
        <Badge tone="good">Open</Badge>
      ) : (
        <span>
          <Badge tone="neutral">Closed</Badge>
          {closeReason === undefined || closeReason === "" ? null : (
            <span class="below">
              <ForeignText text={closeReason} />
            </span>
          )}
        </span>
      ),
  },
  { name: "Started", cell: ({ startTime }) => <Time at={startTime} quiet /> },
  {
    name: "Lasted",
    cell: ({ startTime, endTime }) =>
      endTime === undefined ? "–" : durationText((Date.parse(endTime) - Date.parse(startTime)) / 1_000),
  },
  { name: "Statements", kind: "number", cell: ({ statements }) => countText(statements) },
];

function killColumn(onKilled: () => void): Column<SessionView> {
  return {
    name: "Actions",
    isNameHidden: true,
    kind: "end",
    cell: (view) => <KillSession view={view} onKilled={onKilled} />,
  };
}
