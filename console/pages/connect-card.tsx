import type { ConnectInfo, GrantView } from "#wire/control-api.ts";
import { useLoad } from "../data/use-load.ts";
import { proxyCommand } from "../text/command.ts";
import { connectionLines } from "../text/connection.ts";
import { CopyLine } from "../ui/copy.tsx";
import { ProblemNotice } from "../ui/problem-notice.tsx";

/** How the grant's person reaches the database now. */
export function ConnectCard({ grant }: { readonly grant: GrantView }) {
  const { value, problem } = useLoad<ConnectInfo>(`/v1/grants/${encodeURIComponent(grant.grantID)}/connect`);
  return (
    <section class="card" aria-labelledby="connect">
      <h2 id="connect">Connect</h2>
      <div class="stack">
        <div class="field">
          <p class="label">1. Open the tunnel in a terminal and leave it running</p>
          <CopyLine text={proxyCommand(grant)} what="command" />
        </div>
        {value === undefined ? null : (
          <div class="field">
            <p class="label">2. Connect with any client</p>
            {connectionLines(value).map(({ what, text }) => (
              <CopyLine key={what} text={text} what={what} />
            ))}
            <p class="hint">
              The password is a placeholder: the proxy puts in the real one, which nobody sees. The line is the same for
              every grant of this role, so saved connections keep working. Where the command names another port, use
              that.
            </p>
          </div>
        )}
        {problem === undefined ? null : <ProblemNotice problem={problem} />}
      </div>
    </section>
  );
}
