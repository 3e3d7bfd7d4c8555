import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { SessionView } from "#wire/control-api.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import type { PageProps } from "../places.tsx";
import { hrefOf } from "../router/match.ts";
import { useRouter } from "../router/router.tsx";
import { useApi } from "../session/session.tsx";
import { Badge } from "../ui/badge.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { ProblemNotice } from "../ui/problem-notice.tsx";
import { Empty, Loading } from "../ui/states.tsx";
import { conditionsOf, filterIn, matcherOf, noFilter, queryOf, type StatementFilter } from "./filter.ts";
import { FilterFields } from "./filter-fields.tsx";
import { KillSession } from "./kill-session.tsx";
import { EarlierBar, StreamBadge } from "./live-statements.tsx";
import { ReplayBar } from "./replay-bar.tsx";
import { countUntil, type Replay, RowTimes, rowsAt } from "./replay.ts";
import { indexOf, type Row } from "./rows.ts";
import { StatementDetail } from "./statement-detail.tsx";
import { StatementList } from "./statement-list.tsx";
import { plural } from "../text/amount.ts";
import { instantText } from "../text/clock.ts";
import { useReplay } from "./use-replay.ts";
import { type Tail, useTail } from "./use-tail.ts";
import { withQuery } from "../api/query.ts";
import { ForeignText } from "../ui/foreign-text.tsx";

/** One database session: all that was recorded of it, as a list and as it happened. */
export function SessionPage({ parts }: PageProps) {
  const session = parts["session"] ?? "";
  const api = useApi();
  const [view, setView] = useState<SessionView>();
  const [problem, setProblem] = useState<Problem>();
  const load = useCallback(() => {
    api.get<SessionView>(`/v1/sessions/${encodeURIComponent(session)}`).then(setView, (error: unknown) => {
      setProblem(asProblem(error));
    });
  }, [api, session]);
  useEffect(load, [load]);
  if (problem !== undefined) {
    return (
      <>
        <PageHead title="Session" />
        <ProblemNotice problem={problem} />
      </>
    );
  }
  if (view === undefined) {
    return (
      <>
        <PageHead title="Session" />
        <Loading what="the session" />
      </>
    );
  }
  return (
    <>
      <SessionHead view={view} onChange={load} />
      <SessionTrail view={view} onClosed={load} />
    </>
  );
}

function SessionHead({ view, onChange }: { readonly view: SessionView; readonly onChange: () => void }) {
  return (
    <PageHead
      title={
        <>
          Session <code>{view.session.slice(0, 8)}</code>
        </>
      }
      lead={
        <>
          {view.userName} on {view.database} as {view.role} ·{" "}
          <a href={hrefOf(`/grants/${encodeURIComponent(view.grantID)}`)}>the grant</a> · since{" "}
          <time dateTime={view.startTime}>{instantText(view.startTime).slice(0, 19)}</time>
          {view.endTime === undefined ? null : (
            <>
              {" "}
              until <time dateTime={view.endTime}>{instantText(view.endTime).slice(0, 19)}</time>
            </>
          )}
        </>
      }
    >
      {view.endTime === undefined ? (
        <Badge tone="good" icon="dot">
          Open
        </Badge>
      ) : (
        <Badge tone="neutral">
          <ForeignText text={view.closeReason ?? "Closed"} />
        </Badge>
      )}
      <KillSession view={view} onKilled={onChange} />
    </PageHead>
  );
}

function SessionTrail({ view, onClosed }: { readonly view: SessionView; readonly onClosed: () => void }) {
  const [filter, setFilter] = useFilterInAddress();
  const [isPaused, setPaused] = useState(view.endTime !== undefined);
  const [selected, setSelected] = useState<number>();
  const tail = useTail({
    filter: { session: view.session },
    after: Math.max(0, (view.storeSeq ?? 1) - 1),
    isReading: isPaused,
  });
  const { log, version } = tail;
  const rows = useMemo<readonly Row[]>(
    () => (conditionsOf(filter) === 0 ? log.rows : log.rows.filter(matcherOf(filter))),
    [filter, version, log],
  );
  const known = useRef(new RowTimes());
  const times = useCallback(() => known.current.of(rows), [rows]);
  const [replay, setReplay] = useReplay(times);
  useSelectedInAddress(tail, setSelected);
  useEffect(() => {
    if (view.endTime === undefined && log.rows.at(-1)?.kind === "session-close") {
      onClosed();
    }
  }, [version]);
  const shown = replay === undefined ? rows : rowsAt(rows, times(), replay.atMs);
  const replayTo = (next: Replay): void => {
    setReplay(next);
    const row = rows[countUntil(times(), next.atMs) - 1];
    setSelected(next.isPlaying ? undefined : row?.id);
  };
  const row = selected === undefined ? undefined : shown[indexOf(shown, selected)];
  const isFollowing = replay === undefined ? !isPaused : true;
  return (
    <section class="live" aria-label="Statements of the session">
      <FilterFields filter={filter} onChange={setFilter} />
      <ReplayBar replay={replay} times={times()} onChange={replayTo} onEnd={() => setReplay(undefined)} />
      <div class="live-bar">
        {view.endTime === undefined ? <StreamBadge state={tail.state} isPaused={isPaused} /> : null}
        <span class="quiet live-count" role="status">
          {conditionsOf(filter) === 0
            ? plural(shown.length, "row")
            : `${plural(shown.length, "row")} of ${log.rows.length}`}
        </span>
      </div>
      {tail.state === "refused" && tail.problem !== undefined ? <ProblemNotice problem={tail.problem} /> : null}
      <EarlierBar tail={tail} onLoad={() => setPaused(true)} />
      <div class={row === undefined ? "live-parts" : "live-parts with-detail"}>
        {shown.length === 0 && tail.state !== "connecting" ? (
          <Empty
            icon="search"
            title={log.rows.length === 0 ? "Nothing is recorded yet" : "No statement is like that"}
          />
        ) : (
          <StatementList
            label="Statements of the session"
            rows={shown}
            version={version}
            isFollowing={isFollowing}
            onFollow={(following) => (replay === undefined ? setPaused(!following) : undefined)}
            selected={selected}
            onSelect={setSelected}
            fits={view.endTime !== undefined && replay === undefined}
          />
        )}
        {row === undefined ? null : <StatementDetail row={row} onClose={() => setSelected(undefined)} />}
      </div>
    </section>
  );
}

/** The conditions stand in the address, so that what is seen can be sent to somebody. */
function useFilterInAddress(): readonly [StatementFilter, (filter: StatementFilter) => void] {
  const router = useRouter();
  const [filter, setFilter] = useState(() => filterIn(noFilter, router.query));
  const change = (next: StatementFilter): void => {
    setFilter(next);
    router.go(withQuery(router.path, queryOf(next)), { replace: true });
  };
  return [filter, change];
}

/** Looks at the statement that the address names, once it is there. */
function useSelectedInAddress({ log, version }: Tail, onSelect: (id: number) => void): void {
  const { query } = useRouter();
  const wanted = useRef(query.get("statement"));
  useEffect(() => {
    const row = log.rows.find((each) => each.kind === "statement" && String(each.statement) === wanted.current);
    if (wanted.current !== null && row !== undefined) {
      wanted.current = null;
      onSelect(row.id);
    }
  }, [version]);
}
