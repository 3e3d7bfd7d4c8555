import { useEffect, useState } from "preact/hooks";
import type { SignInInfo } from "#wire/control-api.ts";
import type { Api } from "../api/client.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import { ButtonLink } from "../ui/button.tsx";
import { CopyLine } from "../ui/copy.tsx";
import { Mark } from "../ui/icon.tsx";
import { Notice } from "../ui/notice.tsx";
import { ProblemNotice } from "../ui/problem-notice.tsx";

/** `GET /v1/sign-in`, as far as the page reads it. `oidc`: an issuer is configured. */
type SignIn = SignInInfo & { readonly oidc?: unknown };

/** For who has no session: through the organisation's own sign-in, or by a link of the command line. */
export function SignInPage({
  api,
  wasOver,
  problem,
}: {
  readonly api: Api;
  readonly wasOver: boolean;
  readonly problem: Problem | undefined;
}) {
  const [signIn, setSignIn] = useState<SignIn>();
  const [failure, setFailure] = useState<Problem>();
  useEffect(() => {
    document.title = "Sign in · Sallyport";
    api.get<SignIn>("/v1/sign-in").then(setSignIn, (error: unknown) => setFailure(asProblem(error)));
  }, [api]);
  return (
    <main class="alone">
      <div class="sign-in">
        <Mark />
        <h1>Sign in to Sallyport</h1>
        {signIn === undefined ? null : <p class="quiet">Installation {signIn.installation}</p>}
        {wasOver ? (
          <Notice tone="warning" title="Your session is over" alert>
            <p>Sign in again to go on where you were.</p>
          </Notice>
        ) : null}
        {problem === undefined ? null : <ProblemNotice problem={problem} />}
        {failure === undefined ? null : <ProblemNotice problem={failure} />}
        {signIn?.oidc === undefined ? null : (
          <ButtonLink kind="primary" href="/console/sign-in" native icon="right">
            Continue with your organisation
          </ButtonLink>
        )}
        <section class="sign-in-command" aria-labelledby="by-command">
          <h2 id="by-command">{signIn?.oidc === undefined ? "From your terminal" : "Or from your terminal"}</h2>
          <p>This command opens the console with a link that works once, for one minute:</p>
          <CopyLine text="sallyport console" what="command" />
        </section>
      </div>
    </main>
  );
}
