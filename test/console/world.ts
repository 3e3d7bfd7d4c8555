import { readFileSync } from "node:fs";
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { expect } from "vitest";
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
import type { SallyportProcess } from "../harness/process.ts";
import { type Look, openProfile, startBrowser, type Watched } from "./browser.ts";

/** A whole installation and one browser that looks at its console. */
export interface ConsoleWorld {
  readonly installation: Installation;
  readonly browser: Browser;
  /** A profile of a person who came in by a one-time link, as `sallyport console` gives it, and a page of it. */
  signedIn(userName: string, look?: Look): Promise<SignedIn>;
  api(userName: string): ControlApi;
  /** Fails for whatever went wrong in any page so far. */
  judge(): void;
  stop(): Promise<void>;
}

export interface SignedIn extends Watched {
  readonly page: Page;
}

export async function startConsoleWorld(options: InstallationOptions = {}): Promise<ConsoleWorld> {
  await ensureConsole();
  const installation = await startInstallation(options);
  try {
    await untilProxyLinked(installation);
    const certificate = readFileSync(path.join(path.dirname(installation.caFile), "tls.crt"), "utf8");
    const browser = await startBrowser(certificate);
    return worldOf(installation, browser);
  } catch (error) {
    await installation.stop();
    throw error;
  }
}

function worldOf(installation: Installation, browser: Browser): ConsoleWorld {
  const apis = new Map<string, ControlApi>();
  const profiles: { readonly userName: string; readonly watched: Watched }[] = [];
  const api = (userName: string): ControlApi => {
    const known = apis.get(userName) ?? controlApi(installation, userName);
    apis.set(userName, known);
    return known;
  };
  return {
    installation,
    browser,
    api,
    async signedIn(userName, look) {
      const watched = await openProfile(browser, installation.url, look);
      profiles.push({ userName, watched });
      const { url } = await api(userName).post<{ url: string }>("/v1/console/links", {});
      const page = await watched.newPage();
      // The console goes on by itself; the test goes where it wants once the session is there.
      const entered = page.waitForResponse((answer) => answer.url().endsWith("/v1/me"));
      await page.goto(url);
      expect((await entered).status()).toBe(200);
      return { ...watched, page };
    },
    judge() {
      const all = profiles.flatMap(({ userName, watched }) => watched.findings.map((text) => `${userName}: ${text}`));
      expect(all).toEqual([]);
    },
    async stop() {
      await browser.close();
      await installation.stop();
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
