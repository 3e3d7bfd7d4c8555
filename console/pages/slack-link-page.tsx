import { useEffect, useState } from "preact/hooks";
import type { SlackAccountView, SlackLinkRequest } from "#wire/slack.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import { takeCode } from "../session/one-time-code.ts";
import { useApi, useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { Notice } from "../ui/notice.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { ProblemNotice } from "../ui/problem-notice.tsx";
import { Empty, Loading } from "../ui/states.tsx";

/** Where the link leads that Slack shows to an account: says whose it is, and lets it act for the person who is signed in once they say so. */
export function SlackLinkPage() {
  const { person } = useSession();
  const [code] = useState(() => takeCode("slack"));
  return (
    <>
      <PageHead
        title="Link your Slack account"
        lead={`A linked account approves, denies and extends in Slack as ${person.userName}.`}
      />
      {code === undefined ? (
        <Empty icon="search" title="There is no code in this address">
          <p>Press the button in Slack again, and follow the link that it shows you.</p>
        </Empty>
      ) : (
        <Linking code={code} />
      )}
    </>
  );
}

function Linking({ code }: { readonly code: string }) {
  const api = useApi();
  const [account, setAccount] = useState<SlackAccountView>();
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const fail = (error: unknown): void => setProblem(asProblem(error));
  useEffect(() => {
    api.post<SlackAccountView>("/v1/slack/link", { code } satisfies SlackLinkRequest).then(setAccount, fail);
  }, [api, code]);
  const link = async (): Promise<void> => {
    setBusy(true);
    try {
      setAccount(
        await api.post<SlackAccountView>("/v1/slack/link", { code, confirm: true } satisfies SlackLinkRequest),
      );
    } catch (error) {
      fail(error);
    }
    setBusy(false);
  };
  if (problem !== undefined) {
    return <ProblemNotice problem={problem} />;
  }
  if (account === undefined) {
    return <Loading what="the Slack account" />;
  }
  return account.linked ? (
    <Notice tone="good" title="Linked" alert>
      <Account account={account} />
      <p>Press the button in Slack again.</p>
    </Notice>
  ) : (
    <Notice tone="warning" title="Is this your own Slack account?">
      <Account account={account} />
      <p>
        Whoever uses it will decide in your name. Go on only if you pressed the button in Slack yourself just now. If
        somebody sent you this address, close the page.
      </p>
      <Button kind="primary" busy={busy} onPress={() => void link()}>
        Let it act for me
      </Button>
    </Notice>
  );
}

/** The name is what people chose for themselves; the IDs are Slack's. */
function Account({ account }: { readonly account: SlackAccountView }) {
  const { slackUserID, teamID, slackName } = account;
  return (
    <p>
      User <code>{slackUserID}</code> of workspace <code>{teamID}</code>, called “{slackName}”.
    </p>
  );
}
