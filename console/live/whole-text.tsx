import { useEffect, useRef, useState } from "preact/hooks";
import type { TextLine } from "#wire/control-api.ts";
import type { Problem } from "../api/problem.ts";
import { useApi } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy.tsx";
import { ProblemNotice } from "../ui/problem-notice.tsx";
import { ForeignText } from "../ui/foreign-text.tsx";
import { bytesText } from "../text/amount.ts";

/** Bytes that a page fetches: twice what the largest statement that goes on in one piece has. The command line exports any length. */
export const wholeTextBytesMax = 32 * 1024 * 1024;
/** Characters that a page shows at once; a browser lays out more only slowly. Copying takes all. */
const shownCharactersMax = 500_000;

/** The whole of a text whose record holds only its beginning, when somebody asks for it. */
export function WholeText({
  session,
  text: { text: number, bytes },
}: {
  readonly session: string;
  readonly text: { readonly text: number; readonly bytes: number };
}) {
  const api = useApi();
  const [isAsked, setAsked] = useState(false);
  const [whole, setWhole] = useState<string>();
  const [problem, setProblem] = useState<Problem>();
  const stop = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => stop.current?.abort(), []);
  const load = (): void => {
    const over = new AbortController();
    stop.current = over;
    setAsked(true);
    const pieces: string[] = [];
    api.follow<TextLine>(`/v1/audit/texts/${encodeURIComponent(session)}/${number}`, {
      signal: over.signal,
      // A connection that was cut begins with the first piece again.
      onOpen: () => void pieces.splice(0),
      onState: (state, refused) => setProblem(state === "refused" ? refused : undefined),
      onLines(lines) {
        for (const line of lines) {
          if ("complete" in line) {
            over.abort();
            setWhole(pieces.join(""));
          } else {
            pieces.push("data" in line ? line.data : line.base64);
          }
        }
      },
    });
  };
  if (problem !== undefined) {
    return <ProblemNotice problem={problem} />;
  }
  if (bytes > wholeTextBytesMax) {
    return (
      <p class="quiet">
        This is the beginning of {bytesText(bytes)}, more than a page shows. An auditor exports all of it: sallyport
        audit export
      </p>
    );
  }
  if (whole === undefined) {
    return (
      <Button size="small" busy={isAsked} onPress={load}>
        Load the whole text ({bytesText(bytes)})
      </Button>
    );
  }
  return (
    <div class="sql-block whole">
      {whole.length > shownCharactersMax ? (
        <p class="quiet">Shown: the first {bytesText(shownCharactersMax)}. Copying takes all of it.</p>
      ) : null}
      <pre tabIndex={0} aria-label="Whole SQL">
        <ForeignText text={whole.slice(0, shownCharactersMax)} />
      </pre>
      <CopyButton text={whole} what="whole SQL" />
    </div>
  );
}
