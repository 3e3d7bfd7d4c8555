import type { GrantView } from "#wire/control-api.ts";
import { durationText } from "../text/duration.ts";
import { CopyButton } from "../ui/copy.tsx";
import { Time } from "../ui/time.tsx";
import { ForeignText } from "../ui/foreign-text.tsx";

/** What was asked for. */
export function GrantFacts({ grant }: { readonly grant: GrantView }) {
  const { grantID, namespace, name, reason, requester, userName, workflow, durationSeconds, startTime, extension } =
    grant;
  return (
    <section class="card" aria-label="What was asked for">
      <dl class="facts">
        <div class="wide">
          <dt>Reason</dt>
          <dd class="text">{reason === "" ? "None was given" : <ForeignText text={reason} />}</dd>
        </div>
        {requester === undefined || requester === userName ? null : (
          <div>
            <dt>Asked by</dt>
            <dd>{requester}</dd>
          </div>
        )}
        {durationSeconds === undefined ? null : (
          <div>
            <dt>For</dt>
            <dd>{durationText(durationSeconds)}</dd>
          </div>
        )}
        {startTime === undefined ? null : (
          <div>
            <dt>Not before</dt>
            <dd>
              <Time at={startTime} />
            </dd>
          </div>
        )}
        {workflow === undefined ? null : (
          <div>
            <dt>Policy</dt>
            <dd>{workflow}</dd>
          </div>
        )}
        {extension === undefined ? null : (
          <div>
            <dt>Extensions</dt>
            <dd>
              {extension.count} of {extension.maxCount} used
              {extension.fromTime === undefined || extension.count >= extension.maxCount ? null : (
                <>
                  , the next <Time at={extension.fromTime} />
                </>
              )}
            </dd>
          </div>
        )}
        <div>
          <dt>Declared as</dt>
          <dd class="mono">
            {namespace}/{name}
          </dd>
        </div>
        <div class="wide">
          <dt>Grant ID</dt>
          <dd class="row">
            <span class="mono small">{grantID}</span>
            <CopyButton text={grantID} what="grant ID" />
          </dd>
        </div>
      </dl>
    </section>
  );
}
