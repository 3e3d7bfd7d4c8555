import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import type { Me } from "#wire/control-api.ts";
import type { BrowserSession, RedeemLinkRequest, SignedOut } from "#wire/sign-in.ts";
import { type Api, createApi } from "./api/client.ts";
import { asProblem, type Problem } from "./api/problem.ts";
import { BrowserRouter } from "./router/router.tsx";
import { takeCode } from "./session/one-time-code.ts";
import { GivenSession, type Session } from "./session/session.tsx";
import { SignInPage } from "./session/sign-in-page.tsx";
import { Shell } from "./shell.tsx";
import { Announcer } from "./ui/announcer.tsx";
import { Button } from "./ui/button.tsx";
import { ProblemNotice } from "./ui/problem-notice.tsx";
import { Loading } from "./ui/states.tsx";

/** Where the session stands. `signedOut.wasOver`: there was one on this page, and it is over. */
type Standing =
  | { readonly kind: "looking" }
  | { readonly kind: "signedOut"; readonly wasOver: boolean; readonly problem?: Problem }
  | { readonly kind: "failed"; readonly problem: Problem }
  | { readonly kind: "signedIn"; readonly me: Me; readonly problem?: Problem };

/** The whole console. */
export function App() {
  return (
    <BrowserRouter>
      <Announcer>
        <Door />
      </Announcer>
    </BrowserRouter>
  );
}

/** Lets in who has a session; everybody else signs in first. */
function Door() {
  const [standing, setStanding] = useState<Standing>({ kind: "looking" });
  const onSignedOut = useCallback(
    () => setStanding((before) => (before.kind === "signedIn" ? { kind: "signedOut", wasOver: true } : before)),
    [],
  );
  const api = useMemo(() => createApi({ onSignedOut }), [onSignedOut]);
  const look = useCallback(async () => setStanding(await lookForSession(api, takeCode())), [api]);
  useEffect(() => void look(), [look]);
  const signOut = useCallback(() => {
    // Whatever the controller answers, this page shows nothing more of the session.
    const over = (): void => setStanding({ kind: "signedOut", wasOver: false });
    void api.post<SignedOut>("/console/sign-out").then(({ url }) => {
      over();
      if (url !== undefined) {
        location.assign(url);
      }
    }, over);
  }, [api]);
  switch (standing.kind) {
    case "looking":
      return (
        <main class="alone">
          <Loading what="your session" />
        </main>
      );
    case "failed":
      return (
        <main class="alone">
          <h1 class="visually-hidden">Sallyport</h1>
          <ProblemNotice problem={standing.problem}>
            <Button onPress={() => void look()}>Try again</Button>
          </ProblemNotice>
        </main>
      );
    case "signedOut":
      return <SignInPage api={api} wasOver={standing.wasOver} problem={standing.problem} />;
    case "signedIn": {
      const { me } = standing;
      const session: Session = {
        api,
        person: me,
        signOut,
        ...(me.expiryTime === undefined ? {} : { expiryTime: me.expiryTime }),
      };
      return (
        <GivenSession value={session}>
          <Shell problem={standing.problem} />
        </GivenSession>
      );
    }
  }
}

async function lookForSession(api: Api, code: string | undefined): Promise<Standing> {
  let refused: { readonly problem: Problem } | undefined;
  try {
    if (code !== undefined) {
      await api.post<BrowserSession>("/console/session", { code } satisfies RedeemLinkRequest);
    }
  } catch (error) {
    refused = { problem: asProblem(error) };
  }
  try {
    // Also where the link was refused: the browser may have a session of its own.
    return { kind: "signedIn", me: await api.get<Me>("/v1/me"), ...refused };
  } catch (error) {
    const problem = asProblem(error);
    return problem.status === 401 ? { kind: "signedOut", wasOver: false, ...refused } : { kind: "failed", problem };
  }
}
