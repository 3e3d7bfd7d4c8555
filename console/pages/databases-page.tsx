import { useState } from "preact/hooks";
import type { Entitlement, EntitlementList, GrantView, Person } from "#wire/control-api.ts";
import { isOpen, isSamePerson } from "../data/standing.ts";
import { useLoad } from "../data/use-load.ts";
import { useMyGrants } from "../data/watched-grants.tsx";
import { hrefOf } from "../router/match.ts";
import { useSession } from "../session/session.tsx";
import { proxyCommand } from "../text/command.ts";
import { durationText } from "../text/duration.ts";
import { matchesWords } from "../text/matches.ts";
import { Button, ButtonLink } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy.tsx";
import { FilterField } from "../ui/field.tsx";
import { GrantBadges } from "../ui/grant-badge.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { ProblemNotice } from "../ui/problem-notice.tsx";
import { Empty, Loading } from "../ui/states.tsx";
import { StreamNote } from "../ui/stream-note.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { Remaining } from "../ui/time.tsx";
import { requestHref } from "./request-href.ts";

/** What one may ask for, with what one has of it now. */
interface Offer extends Entitlement {
  readonly open: GrantView | undefined;
}

/** Databases and roles that the person may ask for. */
export function DatabasesPage() {
  const { value, problem, reload } = useLoad<EntitlementList>("/v1/databases");
  const { person } = useSession();
  const { own } = useMyGrants();
  const [typed, setTyped] = useState("");
  const offers = (value?.items ?? []).map((item): Offer => ({
    ...item,
    open: openGrantOf(item, own.byID.values(), person),
  }));
  const shown = offers.filter(({ database, role, databaseName, username, namespace }) =>
    matchesWords(typed, [database, role, databaseName, username, namespace]),
  );
  return (
    <>
      <PageHead title="Databases" lead="What you may ask for, and what you hold now.">
        <StreamNote state={own.state} />
      </PageHead>
      {problem === undefined ? null : (
        <ProblemNotice problem={problem}>
          <Button onPress={reload}>Try again</Button>
        </ProblemNotice>
      )}
      {value === undefined && problem === undefined ? <Loading what="databases" /> : null}
      {value?.items.length === 0 ? (
        <Empty icon="database" title="There is nothing that you may ask for">
          <p>
            An Availability says who may ask for which roles. An administrator of this installation can add you or a
            group of yours to one.
          </p>
        </Empty>
      ) : null}
      {offers.length === 0 ? null : (
        <>
          <FilterField label="Filter by database or role" value={typed} onChange={setTyped} />
          {shown.length === 0 ? (
            <Empty icon="search" title="Nothing matches">
              <p>Each word must be in the name of the database, the role or the user.</p>
            </Empty>
          ) : (
            <Table caption="Databases" columns={columns} rows={shown} keyOf={offerKey} />
          )}
        </>
      )}
    </>
  );
}

const columns: readonly Column<Offer>[] = [
  {
    name: "Database",
    cell: (offer) => (
      <span>
        <a
          class="row-link"
          href={offer.open === undefined ? requestHref(offer) : hrefOf(`/grants/${offer.open.grantID}`)}
        >
          {offer.database}
        </a>
        <span class="below">
          {offer.engine} · {offer.databaseName}
        </span>
      </span>
    ),
  },
  {
    name: "Role",
    cell: (offer) => (
      <span>
        {offer.role}
        <span class="below">as {offer.username}</span>
      </span>
    ),
  },
  {
    name: "Policy",
    cell: (offer) => (
      <span>
        {offer.needsApproval ? "Approval needed" : "Without approval"}
        <span class="below">up to {durationText(offer.maxDurationSeconds)}</span>
      </span>
    ),
  },
  {
    name: "Access",
    cell: ({ open }) => (open === undefined ? <span class="quiet">None</span> : <Access open={open} />),
  },
  {
    name: "Actions",
    isNameHidden: true,
    kind: "end",
    cell: (offer) => (
      <span class="row actions">
        <CopyButton text={proxyCommand(offer)} what={`command for ${offer.database}, ${offer.role}`} icon="terminal" />
        {offer.open === undefined ? (
          <ButtonLink href={requestHref(offer)} label={`Request ${offer.role} of ${offer.database}`}>
            Request
          </ButtonLink>
        ) : (
          <ButtonLink
            href={hrefOf(`/grants/${offer.open.grantID}`)}
            label={`Open your grant for ${offer.role} of ${offer.database}`}
          >
            Open
          </ButtonLink>
        )}
      </span>
    ),
  },
];

function Access({ open }: { readonly open: GrantView }) {
  return (
    <span>
      <GrantBadges grant={open} />
      {open.state === "Active" && open.expiryTime !== undefined ? (
        <span class="below">
          <Remaining until={open.expiryTime} /> left
        </span>
      ) : null}
    </span>
  );
}

/** The newest of one's open grants for an offer. */
function openGrantOf(
  { namespace, database, role }: Entitlement,
  grants: Iterable<GrantView>,
  person: Person,
): GrantView | undefined {
  return [...grants]
    .filter(
      (grant) =>
        grant.namespace === namespace &&
        grant.database === database &&
        grant.role === role &&
        isSamePerson(person, grant.userName) &&
        isOpen(grant),
    )
    .sort((one, other) => (other.requestTime ?? "").localeCompare(one.requestTime ?? ""))[0];
}

function offerKey({ namespace, database, role }: Offer): string {
  return `${namespace}/${database}/${role}`;
}
