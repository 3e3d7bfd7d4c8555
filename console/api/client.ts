import { csrfHeader } from "#wire/sign-in.ts";
import { type Browser, realBrowser } from "./browser.ts";
import { type FollowOptions, follow } from "./follow.ts";
import { problemOf, unreachable } from "./problem.ts";
import { type Query, withQuery } from "./query.ts";

/** The control API as the signed-in person. Every method rejects with a `Problem`. */
export interface Api {
  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T>;
  post<T>(path: string, body?: unknown): Promise<T>;
  /**
   * Follows a stream of JSON lines until `signal` aborts or the controller refuses: reconnects with back-off and jitter, notices a dead
   * connection by missing heartbeats, and pauses while nobody sees the page.
   */
  follow<T>(path: string, options: FollowOptions<T>): void;
}

/** What the client tells of the session. */
export interface ApiEvents {
  /** The controller does not know the session, or not any more. */
  readonly onSignedOut: () => void;
}

/** The API client of this page. */
export function createApi(events: ApiEvents, browser: Browser = realBrowser): Api {
  const send = async (path: string, init: RequestInit): Promise<Response> => {
    const answer = await request(browser, path, init);
    if (answer.ok) {
      return answer;
    }
    if (answer.status === 401) {
      events.onSignedOut();
    }
    throw problemOf(answer.status, await answer.text().catch(() => ""));
  };
  return {
    get: (path, query, signal) =>
      send(withQuery(path, query), signal === undefined ? {} : { signal }).then((answer) => readJson(answer)),
    post: (path, body = {}) =>
      send(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }).then((answer) => readJson(answer)),
    follow: (path, options) => follow(path, options, { browser, open: send }),
  };
}

async function request(browser: Browser, path: string, init: RequestInit): Promise<Response> {
  try {
    return await browser.fetch(path, {
      ...init,
      headers: { ...(init.headers as Record<string, string> | undefined), [csrfHeader]: "1" },
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
    });
  } catch (error) {
    if (init.signal?.aborted === true) {
      throw error;
    }
    throw unreachable();
  }
}

async function readJson<T>(answer: Response): Promise<T> {
  const text = await answer.text().catch(() => {
    throw unreachable();
  });
  try {
    return JSON.parse(text) as T;
  } catch {
    throw problemOf(answer.status, text);
  }
}
