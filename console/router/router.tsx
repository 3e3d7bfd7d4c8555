import { type ComponentChildren, createContext } from "preact";
import { useContext, useEffect, useMemo, useState } from "preact/hooks";
import { belowBase, hrefOf } from "./match.ts";

/** Where the person is, and how to go elsewhere. */
export interface Router {
  /** Below the base, such as `/grants/g…`. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Goes to a place below the base, which may have a query. `replace`: without an entry in the history. */
  readonly go: (place: string, options?: { readonly replace?: boolean }) => void;
}

const RouterContext = createContext<Router | undefined>(undefined);

/** The router of this page. */
export function useRouter(): Router {
  const router = useContext(RouterContext);
  if (router === undefined) {
    throw new Error("no router above this component");
  }
  return router;
}

/** Keeps what is shown and the address bar together. Links within the console need no component of their own: clicks on them are taken here. */
export function BrowserRouter({ children }: { readonly children: ComponentChildren }) {
  const [href, setHref] = useState(() => location.href);
  useEffect(() => {
    const read = (): void => setHref(location.href);
    const click = (event: MouseEvent): void => {
      const place = placeOfClick(event);
      if (place !== undefined) {
        event.preventDefault();
        history.pushState(null, "", place);
        read();
      }
    };
    window.addEventListener("popstate", read);
    document.addEventListener("click", click);
    return () => {
      window.removeEventListener("popstate", read);
      document.removeEventListener("click", click);
    };
  }, []);
  const router = useMemo<Router>(() => {
    const url = new URL(href);
    return {
      path: belowBase(url.pathname) ?? "/",
      query: url.searchParams,
      go(place, { replace = false } = {}) {
        history[replace ? "replaceState" : "pushState"](null, "", hrefOf(place));
        setHref(location.href);
      },
    };
  }, [href]);
  return <RouterContext.Provider value={router}>{children}</RouterContext.Provider>;
}

/** The address that a plain click on a link within the console leads to. Clicks for another tab, downloads and other places stay the browser's. */
function placeOfClick(event: MouseEvent): string | undefined {
  if (
    event.defaultPrevented ||
    event.button !== 0 ||
    event.metaKey ||
    event.ctrlKey ||
    event.shiftKey ||
    event.altKey
  ) {
    return undefined;
  }
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (link === null || link.target !== "" || link.hasAttribute("download") || link.dataset["native"] !== undefined) {
    return undefined;
  }
  const url = new URL(link.href, location.href);
  const isSamePage = url.pathname === location.pathname && url.search === location.search && url.hash !== "";
  if (url.origin !== location.origin || belowBase(url.pathname) === undefined || isSamePage) {
    return undefined;
  }
  return url.pathname + url.search + url.hash;
}
