import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Person } from "#wire/control-api.ts";
import type { Problem } from "./api/problem.ts";
import { waitsForReader } from "./data/standing.ts";
import { MyGrantsProvider, useMyGrants } from "./data/watched-grants.tsx";
import { isFor, type Place, placeOf, places } from "./places.tsx";
import { hrefOf } from "./router/match.ts";
import { useRouter } from "./router/router.tsx";
import { SessionEnd } from "./session/session-end.tsx";
import { useSession } from "./session/session.tsx";
import { Button } from "./ui/button.tsx";
import { Icon, Mark } from "./ui/icon.tsx";
import { ProblemNotice } from "./ui/problem-notice.tsx";
import { Empty } from "./ui/states.tsx";
import { type GoKey, Shortcuts } from "./ui/shortcuts.tsx";
import { ThemeButton } from "./ui/theme-button.tsx";

/** What stands around every page: navigation, who is signed in, and the page itself. `problem`: what went wrong on the way in. */
export function Shell({ problem }: { readonly problem: Problem | undefined }) {
  const { path } = useRouter();
  const found = placeOf(path);
  const heading = useFocusAfterNavigation(path);
  const { person } = useSession();
  const goKeys = useMemo(() => goKeysOf(person), [person]);
  const title = found?.place.title ?? "Not found";
  useEffect(() => {
    document.title = `${title} · Sallyport`;
  }, [title]);
  return (
    <MyGrantsProvider>
      <div class="shell">
        <a class="skip" href="#main" data-native>
          Skip to the page
        </a>
        <Navigation path={path} />
        <main id="main" class="main" tabIndex={-1} ref={heading}>
          {problem === undefined ? null : <ProblemNotice problem={problem} />}
          <SessionEnd />
          {found === undefined ? <NotFound /> : <found.place.Page key={path} parts={found.parts} />}
        </main>
        <Shortcuts goKeys={goKeys} />
      </div>
    </MyGrantsProvider>
  );
}

function navigationOf(person: Person): readonly Place[] {
  return places.filter((place) => place.icon !== undefined && isFor(person, place));
}

function goKeysOf(person: Person): readonly GoKey[] {
  return navigationOf(person).flatMap(({ key, pattern, title }) =>
    key === undefined ? [] : [{ key, place: pattern, title }],
  );
}

function Navigation({ path }: { readonly path: string }) {
  const { person, signOut } = useSession();
  const shown = navigationOf(person);
  return (
    <header class="side">
      <a class="brand" href={hrefOf("/")} aria-label="Sallyport, to the first page">
        <Mark />
        <span>Sallyport</span>
      </a>
      <nav aria-label="Pages">
        <ul class="nav">
          {shown.map((place) => (
            <li key={place.pattern}>
              <a href={hrefOf(place.pattern)} aria-current={isCurrent(place.pattern, path) ? "page" : undefined}>
                <Icon name={place.icon ?? "dot"} />
                <span class="nav-label">{place.title}</span>
                {place.pattern === "/reviews" ? <WaitingCount /> : null}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div class="who">
        <p class="who-name">
          <span class="who-display">{person.displayName}</span>
          <span class="quiet">{person.userName}</span>
        </p>
        <div class="who-buttons">
          <ThemeButton />
          <Button kind="quiet" icon="out" label="Sign out" onPress={signOut} />
        </div>
      </div>
    </header>
  );
}

/** How many requests wait for the person. */
function WaitingCount() {
  const { reviews } = useMyGrants();
  const count = [...reviews.byID.values()].filter(waitsForReader).length;
  return count === 0 ? null : (
    <span class="count">
      {count}
      <span class="visually-hidden"> waiting</span>
    </span>
  );
}

/** Whether a page belongs to an entry of the navigation: `/requests/new` belongs to `/requests`. */
function isCurrent(pattern: string, path: string): boolean {
  return pattern === "/" ? path === "/" : path === pattern || path.startsWith(`${pattern}/`);
}

/** After going to another page, the focus is at its beginning, as it is after loading one. */
function useFocusAfterNavigation(path: string) {
  const main = useRef<HTMLElement>(null);
  const [first] = useState(path);
  const [hasGone, setGone] = useState(false);
  useEffect(() => {
    if (path !== first || hasGone) {
      setGone(true);
      window.scrollTo(0, 0);
      main.current?.focus({ preventScroll: true });
    }
  }, [path, first, hasGone]);
  return main;
}

function NotFound() {
  return (
    <>
      <h1 class="page-title">Not found</h1>
      <Empty icon="search" title="There is no such page">
        <p>
          The address may be mistyped. <a href={hrefOf("/")}>To your databases</a>
        </p>
      </Empty>
    </>
  );
}
