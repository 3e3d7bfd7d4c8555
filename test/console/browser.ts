import { createHash, X509Certificate } from "node:crypto";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { chromiumPart } from "#tools/parts/chromium.ts";
import { isMissing } from "#tools/parts/part.ts";

/** Why tests in a browser cannot run here; undefined when they can. */
export function browserMissing(): string | undefined {
  const part = chromiumPart();
  return isMissing(part) ? part.missing : undefined;
}

/** Start of Chromium: nothing that calls home, no sandbox of its own since tests may be root, no QUIC, no GPU. */
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
  // One way to draw text on every machine, as far as there is one.
  "--font-render-hinting=none",
  "--disable-lcd-text",
  "--force-color-profile=srgb",
];

/**
 * Starts a browser that trusts exactly one server: the one with this certificate (PEM). Every other certificate is judged as usual, so a
 * page that reached for another server would fail on that too.
 */
export async function startBrowser(certificate: string): Promise<Browser> {
  const part = chromiumPart();
  if (isMissing(part)) {
    throw new Error(part.missing);
  }
  const key = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
  const digest = createHash("sha256").update(key).digest("base64");
  return chromium.launch({
    executablePath: part.file,
    headless: true,
    args: [...flags, `--ignore-certificate-errors-spki-list=${digest}`],
    // The tests' own process ends it; a signal must not be caught by somebody else's handler.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
}

/** Runs in every page before its own scripts; a text, since the types of this process know no page. */
const reportViolations = `addEventListener("securitypolicyviolation", (event) => {
  console.error("policy violation: " + event.violatedDirective + " " + event.blockedURI + " " + event.sample);
});`;

/** What a page needs to show something, with room for a machine that does other work. */
const timeoutMs = 20_000;

/** How a person looks at the console. */
export interface Look {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: "light" | "dark";
}

/** A browser profile of one person, watched: whatever goes wrong in any of its pages is a finding. */
export interface Watched {
  readonly context: BrowserContext;
  newPage(): Promise<Page>;
  /** What is expected to be said from now on, such as a lost connection in a test that cuts it. */
  readonly expect: (message: RegExp) => void;
  /** Console errors and warnings, violations of the content security policy, uncaught errors, requests to other origins. */
  readonly findings: readonly string[];
}

/** Opens a profile. Times are shown in UTC and numbers the English way, whatever the machine's settings. */
export async function openProfile(browser: Browser, origin: string, look: Look = {}): Promise<Watched> {
  const context = await browser.newContext({
    baseURL: origin,
    viewport: { width: look.width ?? 1280, height: look.height ?? 800 },
    colorScheme: look.colorScheme ?? "light",
    reducedMotion: "reduce",
    locale: "en-GB",
    timezoneId: "UTC",
    permissions: [],
  });
  context.setDefaultTimeout(timeoutMs);
  const findings: string[] = [];
  const expected: RegExp[] = [];
  const find = (text: string): void => {
    if (!expected.some((pattern) => pattern.test(text))) {
      findings.push(text);
    }
  };
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.origin !== origin) {
      find(`request to another origin: ${request.url()}`);
    }
  });
  context.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") {
      find(`console ${message.type()}: ${message.text()} (${message.location().url})`);
    }
  });
  context.on("weberror", (error) => find(`uncaught: ${error.error().stack ?? error.error().message}`));
  await context.addInitScript({ content: reportViolations });
  return {
    context,
    newPage: () => context.newPage(),
    expect: (message) => void expected.push(message),
    findings,
  };
}
