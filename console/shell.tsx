import { useEffect, useRef, useState } from "preact/hooks";
import type { Problem } from "./api/problem.ts";
import { isFor, placeOf, places } from "./places.tsx";
import { hrefOf } from "./router/match.ts";
import { useRouter } from "./router/router.tsx";
import { SessionEnd } from "./session/session-end.tsx";
import { useSession } from "./session/session.tsx";
import { Button } from "./ui/button.tsx";
import { Icon, Mark } from "./ui/icon.tsx";
import { ProblemNotice } from "./ui/problem-notice.tsx";
import { Empty } from "./ui/states.tsx";
import { ThemeButton } from "./ui/theme-button.tsx";

/** What stands around every page: navigation, who is signed in, and the page itself. `problem`: what went wrong on the way in. */
export function Shell({ problem }: { readonly problem: Problem | undefined }) {
  const { path } = useRouter();
  const found = placeOf(path);
  const heading = useFocusAfterNavigation(path);
  const title = found?.place.title ?? "Not found";
  useEffect(() => {
    document.title = `${title} · Sallyport`;
  }, [title]);
  return (
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
    </div>
  );
}

function Navigation({ path }: { readonly path: string }) {
  const { person, signOut } = useSession();
  const shown = places.filter((place) => place.icon !== undefined && isFor(person, place));
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
                <span>{place.title}</span>
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
