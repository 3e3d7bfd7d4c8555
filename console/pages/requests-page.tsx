import { useState } from "preact/hooks";
import type { GrantView } from "#wire/control-api.ts";
import { newestFirst } from "../data/grants.ts";
import { isOpen, isOwn } from "../data/standing.ts";
import { useMyGrants } from "../data/watched-grants.tsx";
import { hrefOf } from "../router/match.ts";
import { useRouter } from "../router/router.tsx";
import { useSession } from "../session/session.tsx";
import { matchesWords } from "../text/matches.ts";
import { ButtonLink } from "../ui/button.tsx";
import { FilterField } from "../ui/field.tsx";
import { GrantBadges } from "../ui/grant-badge.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { ProblemNotice } from "../ui/problem-notice.tsx";
import { Empty, Loading } from "../ui/states.tsx";
import { StreamNote } from "../ui/stream-note.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { Tabs } from "../ui/tabs.tsx";
import { Remaining, Time } from "../ui/time.tsx";
import { ForeignText } from "../ui/foreign-text.tsx";

/** The person's own requests, open and ended. */
export function RequestsPage() {
  const { person } = useSession();
  const { own } = useMyGrants();
  const { query } = useRouter();
  const [typed, setTyped] = useState("");
  const isEnded = query.get("state") === "ended";
  const mine = newestFirst(own.byID.values()).filter((grant) => isOwn(grant, person));
  const ofTab = mine.filter((grant) => isOpen(grant) !== isEnded);
  const shown = ofTab.filter(({ database, role, reason, grantID, userName }) =>
    matchesWords(typed, [database, role, reason, grantID, userName]),
  );
  return (
    <>
      <PageHead title="My requests" lead="Access that you asked for, newest first.">
        <StreamNote state={own.state} />
        <ButtonLink kind="primary" icon="plus" href={hrefOf("/")}>
          Request access
        </ButtonLink>
      </PageHead>
      {own.state === "refused" && own.problem !== undefined ? <ProblemNotice problem={own.problem} /> : null}
      <Tabs
        label="Requests"
        tabs={[
          { title: "Open", place: "/requests", isCurrent: !isEnded, count: mine.filter(isOpen).length },
          { title: "Ended", place: "/requests?state=ended", isCurrent: isEnded },
        ]}
      />
      {!own.isComplete && own.state !== "refused" ? <Loading what="requests" /> : null}
      {own.isComplete && ofTab.length === 0 ? (
        <Empty icon="requests" title={isEnded ? "Nothing has ended yet" : "You have no open requests"}>
          {isEnded ? null : (
            <p>
              <a href={hrefOf("/")}>See what you may ask for</a>
            </p>
          )}
        </Empty>
      ) : null}
      {ofTab.length === 0 ? null : (
        <>
          <FilterField label="Filter by database, role or reason" value={typed} onChange={setTyped} />
          {shown.length === 0 ? <Empty icon="search" title="Nothing matches" /> : null}
          {shown.length === 0 ? null : (
            <Table caption="My requests" columns={columns} rows={shown} keyOf={({ grantID }) => grantID} />
          )}
        </>
      )}
    </>
  );
}

const columns: readonly Column<GrantView>[] = [
  {
    name: "Database",
    cell: ({ grantID, database, role }) => (
      <a class="row-link" href={hrefOf(`/grants/${grantID}`)}>
        {database}
        <span class="below">{role}</span>
      </a>
    ),
  },
  { name: "State", cell: (grant) => <GrantBadges grant={grant} /> },
  {
    name: "Reason",
    cell: ({ reason }) => (
      <span class="clip">
        <ForeignText text={reason} />
      </span>
    ),
  },
  {
    name: "Requested",
    cell: ({ requestTime }) => (requestTime === undefined ? null : <Time at={requestTime} quiet />),
  },
  { name: "Ends", cell: (grant) => <Ends grant={grant} /> },
];

function Ends({ grant }: { readonly grant: GrantView }) {
  const { state, endTime, expiryTime, startTime } = grant;
  if (endTime !== undefined) {
    return <Time at={endTime} quiet />;
  }
  if (state === "Active" && expiryTime !== undefined) {
    return (
      <span>
        in <Remaining until={expiryTime} />
      </span>
    );
  }
  if (state === "Scheduled" && startTime !== undefined) {
    return (
      <span>
        starts <Time at={startTime} quiet />
      </span>
    );
  }
  return <span class="quiet">–</span>;
}
