import { useState } from "preact/hooks";
import type { GrantAction } from "#wire/approval.ts";
import type { GrantView } from "#wire/control-api.ts";
import { useGrant } from "../data/use-grant.ts";
import type { PageProps } from "../places.tsx";
import { lazyPage } from "../router/lazy-page.tsx";
import { Button } from "../ui/button.tsx";
import { GrantBadges } from "../ui/grant-badge.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { ProblemNotice } from "../ui/problem-notice.tsx";
import { Loading } from "../ui/states.tsx";
import { ApprovalSteps } from "./approval-steps.tsx";
import { ConnectCard } from "./connect-card.tsx";
import { EndDialog, ExtendDialog } from "./grant-dialogs.tsx";
import { GrantFacts } from "./grant-facts.tsx";
import { GrantNotices } from "./grant-notices.tsx";
import { ReviewDialog } from "./review-dialog.tsx";
import { SessionsCard } from "./sessions-card.tsx";
import { Timeline } from "./timeline.tsx";

const LiveStatements = lazyPage(async () => (await import("../live/live-statements.tsx")).LiveStatements);

/** One grant: how it stands, what may be done with it, and what is done under it. */
export function GrantPage({ parts }: PageProps) {
  const { grant, problem } = useGrant(parts["grantID"] ?? "");
  if (grant === undefined) {
    return (
      <>
        <PageHead title="Grant" />
        {problem === undefined ? <Loading what="grant" /> : <ProblemNotice problem={problem} />}
      </>
    );
  }
  return <Known grant={grant} />;
}

function Known({ grant }: { readonly grant: GrantView }) {
  const may = (action: GrantAction): boolean => grant.actions?.includes(action) === true;
  const isOver = grant.state === "Ended" || grant.state === "Refused";
  return (
    <>
      <PageHead
        title={`${grant.role} of ${grant.database}`}
        lead={
          <span class="row">
            <span>{grant.userName}</span>
            <GrantBadges grant={grant} />
          </span>
        }
      >
        <Actions grant={grant} may={may} />
      </PageHead>
      <GrantNotices grant={grant} />
      <div class="grant-layout">
        <div class="stack">
          {may("connect") ? <ConnectCard grant={grant} /> : null}
          {isOver && grant.activationTime === undefined ? null : (
            <>
              {may("viewStatements") && grant.activationTime !== undefined ? (
                <section class="stack" aria-labelledby="statements">
                  <h2 id="statements">Statements</h2>
                  <LiveStatements grantID={grant.grantID} />
                </section>
              ) : null}
              {grant.activationTime === undefined ? null : <SessionsCard grant={grant} />}
            </>
          )}
          {grant.approval === undefined || grant.activationTime !== undefined ? null : <Approval grant={grant} />}
        </div>
        <aside class="stack" aria-label="About this grant">
          <GrantFacts grant={grant} />
          {grant.approval === undefined || grant.activationTime === undefined ? null : <Approval grant={grant} />}
          <section class="card" aria-labelledby="timeline">
            <h2 id="timeline">Timeline</h2>
            <Timeline grant={grant} />
          </section>
        </aside>
      </div>
    </>
  );
}

function Approval({ grant }: { readonly grant: GrantView }) {
  return (
    <section class="card" aria-labelledby="approval">
      <h2 id="approval">Approval</h2>
      {grant.approval === undefined ? null : <ApprovalSteps approval={grant.approval} />}
    </section>
  );
}

type Asked = "approve" | "deny" | "extend" | "end";

function Actions({ grant, may }: { readonly grant: GrantView; readonly may: (action: GrantAction) => boolean }) {
  const [asked, setAsked] = useState<Asked>();
  const close = (): void => setAsked(undefined);
  return (
    <>
      {may("approve") ? (
        <Button kind="primary" icon="check" onPress={() => setAsked("approve")}>
          Approve
        </Button>
      ) : null}
      {may("deny") ? (
        <Button kind="danger" icon="cross" onPress={() => setAsked("deny")}>
          Deny
        </Button>
      ) : null}
      {may("extend") ? (
        <Button icon="plus" onPress={() => setAsked("extend")}>
          Extend
        </Button>
      ) : null}
      {may("revoke") ? (
        <Button kind="danger" icon="stop" onPress={() => setAsked("end")}>
          End access
        </Button>
      ) : null}
      {may("cancel") ? <Button onPress={() => setAsked("end")}>Withdraw</Button> : null}
      {asked === "approve" ? <ReviewDialog grant={grant} decision="Approve" onClose={close} /> : null}
      {asked === "deny" ? <ReviewDialog grant={grant} decision="Deny" onClose={close} /> : null}
      {asked === "extend" ? <ExtendDialog grant={grant} onClose={close} /> : null}
      {asked === "end" ? <EndDialog grant={grant} onClose={close} /> : null}
    </>
  );
}
