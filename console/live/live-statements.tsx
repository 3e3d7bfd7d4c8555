import { useState } from "preact/hooks";
import { useAnnounce } from "../ui/announcer.tsx";
import { Badge } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import { ProblemNotice } from "../ui/problem-notice.tsx";
import { Empty } from "../ui/states.tsx";
import { StatementDetail } from "./statement-detail.tsx";
import { StatementList } from "./statement-list.tsx";
import { countText, plural } from "../text/amount.ts";
import { type Tail, useTail } from "./use-tail.ts";

/** The statements of a grant as they run: begins a little before now, follows, pauses when somebody reads. */
export function LiveStatements({ grantID }: { readonly grantID: string }) {
  const [pausedAt, setPausedAt] = useState<number>();
  const [selected, setSelected] = useState<number>();
  const tail = useTail({ filter: { grantID }, isReading: pausedAt !== undefined });
  const { log } = tail;
  const end = log.firstID + log.rows.length;
  const follow = (isFollowing: boolean): void => {
    setPausedAt((before) => (isFollowing ? undefined : (before ?? end)));
  };
  const row = selected === undefined ? undefined : log.rowOf(selected);
  return (
    <section class="live" aria-label="Live statements">
      <LiveBar
        tail={tail}
        waiting={pausedAt === undefined ? 0 : end - pausedAt}
        isPaused={pausedAt !== undefined}
        onFollow={follow}
      />
      {tail.problem === undefined || tail.state !== "refused" ? null : <ProblemNotice problem={tail.problem} />}
      <EarlierBar tail={tail} onLoad={() => follow(false)} />
      <div class={row === undefined ? "live-parts" : "live-parts with-detail"}>
        {log.rows.length === 0 && tail.state !== "connecting" ? (
          <Empty icon="terminal" title="No statements yet">
            <p>They appear here the moment they run.</p>
          </Empty>
        ) : (
          <StatementList
            label="Statements"
            rows={log.rows}
            version={tail.version}
            isFollowing={pausedAt === undefined}
            onFollow={follow}
            selected={selected}
            onSelect={(id) => {
              setSelected(id);
              if (id !== undefined) {
                follow(false);
              }
            }}
            shows="session"
          />
        )}
        {row === undefined ? null : <StatementDetail row={row} linksSession onClose={() => setSelected(undefined)} />}
      </div>
    </section>
  );
}

/** How the stream is, in a word, and the button that holds it or goes on. */
function LiveBar({
  tail,
  waiting,
  isPaused,
  onFollow,
}: {
  readonly tail: Tail;
  readonly waiting: number;
  readonly isPaused: boolean;
  readonly onFollow: (isFollowing: boolean) => void;
}) {
  return (
    <div class="live-bar">
      <StreamBadge state={tail.state} isPaused={isPaused} />
      <span class="quiet live-count">{plural(tail.log.rows.length, "row")}</span>
      <span class="live-space" />
      {isPaused ? (
        <Button kind="primary" size="small" icon="play" onPress={() => onFollow(true)}>
          {waiting > 0 ? `Follow (${countText(waiting)} new)` : "Follow"}
        </Button>
      ) : (
        <Button size="small" icon="pause" onPress={() => onFollow(false)}>
          Pause
        </Button>
      )}
    </div>
  );
}

const states = {
  connecting: ["busy", "Connecting"],
  live: ["good", "Live"],
  waiting: ["warning", "Connection lost, trying again"],
  paused: ["neutral", "Paused while hidden"],
  refused: ["bad", "Ended"],
  held: ["waiting", "Held: the view is full"],
} as const;

/** How a view follows the trail. */
export function StreamBadge({ state, isPaused }: { readonly state: Tail["state"]; readonly isPaused: boolean }) {
  const [tone, text] = states[state];
  const shown = isPaused && state === "live" ? (["neutral", "Paused"] as const) : ([tone, text] as const);
  return (
    <span class="stream-state" role="status">
      <Badge tone={shown[0]} icon={shown[0] === "good" ? "dot" : shown[1] === "Paused" ? "pause" : "clock"}>
        {shown[1]}
      </Badge>
    </span>
  );
}

/** What lies before the first row, and how to get it. */
export function EarlierBar({ tail, onLoad }: { readonly tail: Tail; readonly onLoad: () => void }) {
  const announce = useAnnounce();
  const [isLoading, setLoading] = useState(false);
  const { log, hasEarlier, loadEarlier } = tail;
  if (!hasEarlier && log.dropped === 0) {
    return null;
  }
  const load = (): void => {
    onLoad();
    setLoading(true);
    loadEarlier()
      .then(
        (came) => announce(came ? "Loaded earlier statements" : "There are no earlier statements"),
        (error: Error) => announce(error.message),
      )
      .finally(() => setLoading(false));
  };
  return (
    <div class="earlier">
      <Button kind="quiet" size="small" busy={isLoading} disabled={log.isFull} onPress={load}>
        Load earlier statements
      </Button>
      {log.dropped > 0 ? (
        <span class="quiet">
          This view holds {countText(log.rowsMax)} rows at most: {countText(log.dropped)} earlier ones were let go. The
          audit search finds them.
        </span>
      ) : null}
    </div>
  );
}
