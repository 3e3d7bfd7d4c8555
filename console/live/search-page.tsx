import { useEffect, useMemo, useState } from "preact/hooks";
import type { StatementList as StatementPage } from "#wire/control-api.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import { withQuery } from "../api/query.ts";
import { hrefOf } from "../router/match.ts";
import { useRouter } from "../router/router.tsx";
import { useApi } from "../session/session.tsx";
import { Button, ButtonLink } from "../ui/button.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { ProblemNotice } from "../ui/problem-notice.tsx";
import { Empty, Loading } from "../ui/states.tsx";
import { Charts } from "./charts.tsx";
import { conditionsOf, filterIn, noSearch, queryOf, type SearchFilter } from "./filter.ts";
import { FilterFields, SelectField, TextField } from "./filter-fields.tsx";
import { fieldInstant, instantField } from "./instant-field.ts";
import { statementRow } from "./rows.ts";
import { StatementDetail } from "./statement-detail.tsx";
import { StatementList } from "./statement-list.tsx";
import { plural } from "../text/amount.ts";

/** Statements of one page; a screen or two. */
const pageSize = 100;

/** Searches the statements of all grants that the person may see. What is asked for stands in the address. */
export function SearchPage() {
  const router = useRouter();
  const address = router.query.toString();
  const filter = useMemo(() => filterIn(noSearch, new URLSearchParams(address)), [address]);
  return (
    <>
      <PageHead
        title="Audit"
        lead="Every statement of the grants that you may look into. What you look at here is itself recorded."
      />
      <SearchForm key={JSON.stringify(filter)} filter={filter} />
      <Charts filter={queryOf(filter)} />
      <Results filter={filter} after={router.query.get("after") ?? undefined} />
    </>
  );
}

function SearchForm({ filter: shown }: { readonly filter: SearchFilter }) {
  const router = useRouter();
  const [filter, setFilter] = useState(shown);
  const set = (name: keyof SearchFilter) => (value: string) => setFilter((before) => ({ ...before, [name]: value }));
  const search = (event: Event): void => {
    event.preventDefault();
    router.go(withQuery("/audit", queryOf(filter)));
  };
  return (
    <form class="search-form" role="search" aria-label="Statements" onSubmit={search}>
      <FilterFields filter={filter} onChange={setFilter}>
        <TextField label="Person" value={filter.userName} onChange={set("userName")} />
        <TextField label="Database" value={filter.database} onChange={set("database")} />
        <TextField
          label="From"
          type="datetime-local"
          value={instantField(filter.since)}
          onChange={(value) => set("since")(fieldInstant(value))}
        />
        <TextField
          label="Until"
          type="datetime-local"
          value={instantField(filter.until)}
          onChange={(value) => set("until")(fieldInstant(value))}
        />
        <SelectField
          label="Order"
          value={filter.order}
          options={[
            ["", "newest first"],
            ["oldest", "oldest first"],
          ]}
          onChange={set("order")}
        />
      </FilterFields>
      <div class="search-actions">
        <Button type="submit" kind="primary" icon="search">
          Search
        </Button>
        {conditionsOf(shown) === 0 ? null : (
          <ButtonLink kind="quiet" href={hrefOf("/audit")}>
            Clear
          </ButtonLink>
        )}
      </div>
    </form>
  );
}

/** One page of what a search found, or why it did not. */
function useResults(filter: SearchFilter, after: string | undefined) {
  const api = useApi();
  const [page, setPage] = useState<StatementPage>();
  const [problem, setProblem] = useState<Problem>();
  const asked = JSON.stringify([filter, after]);
  useEffect(() => {
    const over = new AbortController();
    setPage(undefined);
    setProblem(undefined);
    // One answer looks at so many statements at most; a page with nothing on it would say that there is nothing.
    const find = async (from: string | undefined): Promise<StatementPage> => {
      const query = { ...queryOf(filter), after: from, limit: pageSize };
      const found = await api.get<StatementPage>("/v1/audit/statements", query, over.signal);
      return found.items.length === 0 && found.next !== undefined ? find(String(found.next)) : found;
    };
    find(after).then(setPage, (error: unknown) => {
      if (!over.signal.aborted) {
        setProblem(asProblem(error));
      }
    });
    return () => over.abort();
  }, [api, asked]);
  return { page, problem };
}

function Results({ filter, after }: { readonly filter: SearchFilter; readonly after: string | undefined }) {
  const { page, problem } = useResults(filter, after);
  const [selected, setSelected] = useState<number>();
  useEffect(() => setSelected(undefined), [page]);
  const rows = useMemo(() => (page?.items ?? []).map((event, index) => statementRow(index, event)), [page]);
  if (problem !== undefined) {
    return <ProblemNotice problem={problem} />;
  }
  if (page === undefined) {
    return <Loading what="statements" rows={6} />;
  }
  if (rows.length === 0) {
    return (
      <Empty icon="search" title={after === undefined ? "No statement is like that" : "There are no more"}>
        {conditionsOf(filter) > 0 ? <p>Fewer conditions find more.</p> : null}
      </Empty>
    );
  }
  const row = selected === undefined ? undefined : rows[selected];
  return (
    <section class="live results" aria-label="Found statements">
      <div class={row === undefined ? "live-parts" : "live-parts with-detail"}>
        <StatementList
          label="Found statements"
          rows={rows}
          version={0}
          isFollowing={false}
          onFollow={() => {}}
          selected={selected}
          onSelect={setSelected}
          shows="owner"
          fits
        />
        {row === undefined ? null : <StatementDetail row={row} linksSession onClose={() => setSelected(undefined)} />}
      </div>
      <nav class="paging" aria-label="Pages of results">
        <span class="quiet" role="status">
          {plural(rows.length, "statement")}
        </span>
        {after === undefined ? null : (
          <ButtonLink size="small" icon="left" href={hrefOf(withQuery("/audit", queryOf(filter)))}>
            First page
          </ButtonLink>
        )}
        {page.next === undefined ? null : (
          <ButtonLink
            size="small"
            icon="right"
            href={hrefOf(withQuery("/audit", { ...queryOf(filter), after: page.next }))}
          >
            {filter.order === "oldest" ? "Later" : "Earlier"}
          </ButtonLink>
        )}
      </nav>
    </section>
  );
}
