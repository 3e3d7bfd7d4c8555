import { readFileSync } from "node:fs";
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { ensureConsole } from "#tools/console.ts";
import { grantFile } from "#tools/demo/grant-file.ts";
import { activeGrant, connectAs } from "../e2e/support.ts";
import { type ControlApi, controlApi } from "../harness/control-api.ts";
import {
  type Installation,
  type InstallationOptions,
  signInDirectly,
  startInstallation,
  untilProxyLinked,
} from "../harness/installation.ts";
import { freePort } from "../harness/postgres.ts";
import type { SallyportProcess } from "../harness/process.ts";
import { type Look, openProfile, startBrowser, type Watched } from "./browser.ts";
import { startWay, type Way } from "./way.ts";

/** A whole installation and one browser that looks at its console. */
export interface ConsoleWorld {
  readonly installation: Installation;
  readonly browser: Browser;
  /** Between the browser and the controller. */
  readonly way: Way;
  /** What the browser knows the controller by. */
  readonly url: string;
  /** A profile of a person who came in by a one-time link, as `sallyport console` gives it, and a page of it. */
  signedIn(userName: string, look?: Look): Promise<SignedIn>;
  api(userName: string): ControlApi;
  /** Fails for whatever went wrong in any page so far. */
  judge(): void;
  /** Closes every page, and fails for whatever went wrong in any. */
  leave(): Promise<void>;
  stop(): Promise<void>;
}

export interface SignedIn extends Watched {
  readonly page: Page;
  /** Comes in once more by another link, as after a restart of the controller. */
  readonly enter: () => Promise<void>;
}

/** Starts everything, with the console built from the sources. */
export async function startConsoleWorld(options: InstallationOptions = {}): Promise<ConsoleWorld> {
  await ensureConsole();
  const port = await freePort();
  const way = await startWay(port);
  const url = `https://127.0.0.1:${way.port}`;
  const installation = await startInstallation({ ...options, port, flags: { "public-url": url, ...options.flags } });
  try {
    await untilProxyLinked(installation);
    const certificate = readFileSync(path.join(path.dirname(installation.caFile), "tls.crt"), "utf8");
    const browser = await startBrowser(certificate);
    return worldOf({ installation, browser, way, url });
  } catch (error) {
    await installation.stop();
    await way.stop();
    throw error;
  }
}

function worldOf(parts: Pick<ConsoleWorld, "installation" | "browser" | "way" | "url">): ConsoleWorld {
  const { installation, browser, way, url: origin } = parts;
  const apis = new Map<string, ControlApi>();
  const profiles: { readonly userName: string; readonly watched: Watched }[] = [];
  const api = (userName: string): ControlApi => {
    const known = apis.get(userName) ?? controlApi(installation, userName);
    apis.set(userName, known);
    return known;
  };
  const judge = (): void => {
    const all = profiles.flatMap(({ userName, watched }) => watched.findings.map((text) => `${userName}: ${text}`));
    if (all.length > 0) {
      throw new Error(`the console misbehaved:\n${all.join("\n")}`);
    }
  };
  return {
    ...parts,
    api,
    async signedIn(userName, look) {
      const watched = await openProfile(browser, origin, look);
      profiles.push({ userName, watched });
      const page = await watched.newPage();
      const enter = async (): Promise<void> => {
        const { url } = await api(userName).post<{ url: string }>("/v1/console/links", {});
        // The console goes on by itself; the test goes where it wants once the session is there.
        const entered = page.waitForResponse((answer) => answer.url().endsWith("/v1/me") && answer.ok());
        await page.goto(url);
        await entered;
      };
      await enter();
      return { ...watched, page, enter };
    },
    judge,
    async leave() {
      try {
        judge();
      } finally {
        await Promise.all(profiles.splice(0).map(({ watched }) => watched.context.close()));
      }
    },
    async stop() {
      await browser.close();
      await installation.stop();
      await way.stop();
    },
  };
}

/** A live grant of a person for a role of `orders`, and the connection string that reaches it through the real proxy. */
export async function liveGrant(
  { installation }: ConsoleWorld,
  person: string,
  role: string,
): Promise<{ grantID: string; proxy: SallyportProcess; url: string }> {
  await signInDirectly(installation, person);
  const name = `${person}-${role.replaceAll("_", "-")}`;
  installation.writeManifest(`grants/${name}.yaml`, grantFile({ name, person, database: "orders", role }));
  const grantID = await activeGrant(installation, person, role);
  const { proxy, url } = await connectAs(installation, person, role);
  return { grantID, proxy, url };
}
