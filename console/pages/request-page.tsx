import type { EntitlementList } from "#wire/control-api.ts";
import { useLoad } from "../data/use-load.ts";
import type { PageProps } from "../places.tsx";
import { hrefOf } from "../router/match.ts";
import { durationText } from "../text/duration.ts";
import { Button } from "../ui/button.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { ProblemNotice } from "../ui/problem-notice.tsx";
import { Empty, Loading } from "../ui/states.tsx";
import { RequestForm } from "./request-form.tsx";

/** Asks for one role of one database. */
export function RequestPage({ parts }: PageProps) {
  const { namespace = "", database = "", role = "" } = parts;
  const { value, problem, reload } = useLoad<EntitlementList>("/v1/databases", { namespace });
  const offer = value?.items.find((item) => item.database === database && item.role === role);
  return (
    <>
      <PageHead
        title={`Request ${role} of ${database}`}
        lead={
          offer === undefined
            ? undefined
            : `${offer.engine} database ${offer.databaseName}, as ${offer.username}. Policy ${offer.workflow}.`
        }
      />
      {problem === undefined ? null : (
        <ProblemNotice problem={problem}>
          <Button onPress={reload}>Try again</Button>
        </ProblemNotice>
      )}
      {value === undefined && problem === undefined ? <Loading what="policy" /> : null}
      {value !== undefined && offer === undefined ? (
        <Empty icon="lock" title="You may not ask for this role">
          <p>
            No Availability offers it to you, or it is not there any more.{" "}
            <a href={hrefOf("/")}>See what you may ask for</a>
          </p>
        </Empty>
      ) : null}
      {offer === undefined ? null : (
        <>
          <dl class="facts card">
            <div>
              <dt>Approval</dt>
              <dd>{offer.needsApproval ? "Somebody must approve it" : "None needed: it is granted at once"}</dd>
            </div>
            <div>
              <dt>Longest</dt>
              <dd>{durationText(offer.maxDurationSeconds)}</dd>
            </div>
            <div>
              <dt>Reason</dt>
              <dd>{offer.reason === "Required" ? "Required" : "Optional"}</dd>
            </div>
            <div>
              <dt>On record</dt>
              <dd>Every statement of the sessions</dd>
            </div>
          </dl>
          <RequestForm key={`${namespace}/${database}/${role}`} offer={offer} />
        </>
      )}
    </>
  );
}
