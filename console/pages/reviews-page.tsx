import { useState } from "preact/hooks";
import type { ReviewRequest } from "#wire/approval.ts";
import type { GrantView } from "#wire/control-api.ts";
import { newestFirst } from "../data/grants.ts";
import { isDecidedBy, waitsForReader } from "../data/standing.ts";
import { useMyGrants } from "../data/watched-grants.tsx";
import { hrefOf } from "../router/match.ts";
import { useRouter } from "../router/router.tsx";
import { useSession } from "../session/session.tsx";
import { durationText } from "../text/duration.ts";
import { Button } from "../ui/button.tsx";
import { GrantBadges } from "../ui/grant-badge.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { ProblemNotice } from "../ui/problem-notice.tsx";
import { Empty, Loading } from "../ui/states.tsx";
import { StreamNote } from "../ui/stream-note.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { Tabs } from "../ui/tabs.tsx";
import { Time } from "../ui/time.tsx";
import { ApprovalSteps } from "./approval-steps.tsx";
import { ReviewDialog } from "./review-dialog.tsx";
import { ForeignText } from "../ui/foreign-text.tsx";

/** A decision that is being made. */
interface Deciding {
  readonly grant: GrantView;
  readonly decision: ReviewRequest["decision"];
}

/** Requests that wait for the person's word, and those that they decided on. */
export function ReviewsPage() {
  const { person } = useSession();
  const { reviews } = useMyGrants();
  const { query } = useRouter();
  const [deciding, setDeciding] = useState<Deciding>();
  const isDecided = query.get("state") === "decided";
  const all = newestFirst(reviews.byID.values());
  // Who has waited longest is first.
  const waiting = all.filter(waitsForReader).toReversed();
  const decided = all.filter((grant) => isDecidedBy(grant, person));
  return (
    <>
      <PageHead title="Reviews" lead="Requests of others that need your word.">
        <StreamNote state={reviews.state} />
      </PageHead>
      {reviews.state === "refused" && reviews.problem !== undefined ? (
        <ProblemNotice problem={reviews.problem} />
      ) : null}
      <Tabs
        label="Reviews"
        tabs={[
          { title: "Waiting for you", place: "/reviews", isCurrent: !isDecided, count: waiting.length },
          { title: "Decided", place: "/reviews?state=decided", isCurrent: isDecided },
        ]}
      />
      {!reviews.isComplete && reviews.state !== "refused" ? <Loading what="reviews" /> : null}
      {reviews.isComplete && isDecided ? <Decided grants={decided} /> : null}
      {reviews.isComplete && !isDecided && waiting.length === 0 ? (
        <Empty icon="review" title="Nothing waits for you">
          <p>Requests appear here by themselves as soon as they need your word.</p>
        </Empty>
      ) : null}
      {isDecided ? null : (
        <div class="stack">
          {waiting.map((grant) => (
            <Waiting key={grant.grantID} grant={grant} onDecide={(decision) => setDeciding({ grant, decision })} />
          ))}
        </div>
      )}
      {deciding === undefined ? null : <ReviewDialog {...deciding} onClose={() => setDeciding(undefined)} />}
    </>
  );
}

function Waiting({
  grant,
  onDecide,
}: {
  readonly grant: GrantView;
  readonly onDecide: (decision: ReviewRequest["decision"]) => void;
}) {
  const { userName, role, database, reason, requester, requestTime, durationSeconds, startTime, approval } = grant;
  return (
    <article class="card review" data-row aria-label={`${userName}: ${role} of ${database}`}>
      <div class="card-head">
        <h2>
          <a class="row-link" href={hrefOf(`/grants/${grant.grantID}`)}>
            {userName}
          </a>{" "}
          <span class="quiet">asks for</span> {role} <span class="quiet">of</span> {database}
        </h2>
        <GrantBadges grant={grant} />
      </div>
      <blockquote class="quote">{reason === "" ? "No reason was given." : <ForeignText text={reason} />}</blockquote>
      <dl class="facts">
        <div>
          <dt>For</dt>
          <dd>{durationSeconds === undefined ? "–" : durationText(durationSeconds)}</dd>
        </div>
        <div>
          <dt>From</dt>
          <dd>{startTime === undefined ? "as soon as it is approved" : <Time at={startTime} />}</dd>
        </div>
        <div>
          <dt>Asked</dt>
          <dd>
            {requestTime === undefined ? "–" : <Time at={requestTime} />}
            {requester === undefined || requester === userName ? null : ` by ${requester}`}
          </dd>
        </div>
      </dl>
      {approval === undefined ? null : <ApprovalSteps approval={approval} />}
      <div class="form-actions">
        <Button kind="primary" icon="check" label={`Approve ${userName}'s request`} onPress={() => onDecide("Approve")}>
          Approve
        </Button>
        <Button kind="danger" icon="cross" label={`Deny ${userName}'s request`} onPress={() => onDecide("Deny")}>
          Deny
        </Button>
      </div>
    </article>
  );
}

function Decided({ grants }: { readonly grants: readonly GrantView[] }) {
  if (grants.length === 0) {
    return <Empty icon="review" title="You have decided on nothing yet" />;
  }
  return <Table caption="Decided reviews" columns={decidedColumns} rows={grants} keyOf={({ grantID }) => grantID} />;
}

const decidedColumns: readonly Column<GrantView>[] = [
  {
    name: "Person",
    cell: ({ grantID, userName }) => (
      <a class="row-link" href={hrefOf(`/grants/${grantID}`)}>
        {userName}
      </a>
    ),
  },
  {
    name: "Access",
    cell: ({ database, role }) => (
      <span>
        {database}
        <span class="below">{role}</span>
      </span>
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
  { name: "Asked", cell: ({ requestTime }) => (requestTime === undefined ? null : <Time at={requestTime} quiet />) },
];
