import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EntitlementList } from "#wire/control-api.ts";
import { browserMissing, openProfile } from "./browser.ts";
import { look } from "./look.ts";
import { type ConsoleWorld, type SignedIn, startConsoleWorld } from "./world.ts";

const missing = browserMissing();
const phone = { width: 375, height: 812 };
const desktop = { width: 1280, height: 800 };
let world: ConsoleWorld;

describe.skipIf(missing !== undefined)("the console's pages", () => {
  let ada: SignedIn;
  let grace: SignedIn;
  let margaret: SignedIn;

  beforeAll(async () => {
    world = await startConsoleWorld();
    ada = await world.signedIn("ada");
    grace = await world.signedIn("grace");
    margaret = await world.signedIn("margaret");
  });
  afterAll(() => world?.stop());

  it("whoever has no session is told how to get one, and the link's code is in no history", async () => {
    const { context, page } = await anonymous();

    await page.goto("/console/requests");
    await page.getByRole("heading", { name: "Sign in to Sallyport" }).waitFor();

    expect(await page.getByText("sallyport console", { exact: true }).isVisible()).toBe(true);
    expect(await page.getByRole("link", { name: "Continue with your organisation" }).count()).toBe(0);
    await bothWidths(page, "sign-in");
    await context.close();
    expect(ada.page.url()).not.toContain("code");
  });

  it("what one may ask for is listed, filtered while one types, and one click from being asked for", async () => {
    const { page } = ada;

    await page.goto("/console/");
    await page.getByRole("row", { name: /read_only/ }).waitFor();
    await bothWidths(page, "databases");
    await page.keyboard.press("/");
    await page.keyboard.type("ord owner");
    await expect.poll(() => page.getByRole("row").count()).toBe(2);
    await page.getByRole("link", { name: "Request app_owner of orders" }).click();
    await page.getByRole("heading", { name: "Request app_owner of orders" }).waitFor();

    expect(page.url()).toContain("/console/request/default/orders/app_owner");
  });

  it("a request without approval leads to live access, with all that is needed to connect", async () => {
    const { page } = ada;

    await page.goto("/console/request/default/orders/read_only");
    await page.getByLabel(/Reason/).fill("Look at order 7, <b>as asked</b>");
    await page.getByLabel("30 min", { exact: true }).check();
    await bothWidths(page, "request");
    await page.getByRole("button", { name: "Get access" }).click();
    await page.getByRole("heading", { name: "Connect" }).waitFor();
    await page.getByText("sallyport rds proxy --database orders --role read_only").waitFor();
    await page.getByText("Access began").waitFor();
    await bothWidths(page, "grant-live");

    expect(await page.getByText("Look at order 7, <b>as asked</b>").first().isVisible()).toBe(true);
  });

  it("a request that needs approval appears in the reviewer's queue by itself, and the person sees the decision", async () => {
    await grace.page.goto("/console/reviews");
    await grace.page.getByText("Nothing waits for you").waitFor();
    await look(grace.page, "reviews-empty");
    await margaret.page.goto("/console/request/default/orders/app_owner");
    await margaret.page.getByRole("button", { name: "Ask for approval" }).click();
    await margaret.page.getByText("Say why you need it.").waitFor();
    await margaret.page.getByLabel("Reason").fill("Quarterly check of the ledger");
    await margaret.page.getByRole("button", { name: "Ask for approval" }).click();
    await margaret.page.getByText("Waiting for approval").first().waitFor();
    await bothWidths(margaret.page, "grant-pending");

    await grace.page.getByRole("article", { name: "margaret: app_owner of orders" }).waitFor();
    await bothWidths(grace.page, "reviews");
    await grace.page.getByRole("button", { name: "Approve margaret's request" }).click();
    await grace.page
      .getByRole("dialog")
      .getByLabel(/Comment/)
      .fill("Go ahead");
    await look(grace.page, "review-dialog");
    await grace.page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
    await grace.page.getByText("Nothing waits for you").waitFor();

    await margaret.page.getByRole("heading", { name: "Connect" }).waitFor();
    await margaret.page.getByText("Go ahead").first().waitFor();
    await bothWidths(margaret.page, "grant-approved");
    await grace.page.goto("/console/reviews?state=decided");
    await grace.page.getByRole("link", { name: "margaret" }).waitFor();
    await bothWidths(grace.page, "reviews-decided");
  });

  it("who ended access, and why, is there at once", async () => {
    await margaret.page.getByRole("button", { name: "Extend" }).count();
    await margaret.page.getByRole("button", { name: "End access" }).click();
    const end = margaret.page.getByRole("dialog").getByRole("button", { name: "End access" });
    expect(await end.isDisabled()).toBe(true);
    await margaret.page.getByRole("dialog").getByLabel("Reason").fill("Done");
    await look(margaret.page, "end-dialog");
    await end.click();
    await margaret.page.getByText("margaret ended it").waitFor();
    await bothWidths(margaret.page, "grant-ended");
    await margaret.page.goto("/console/requests?state=ended");
    await margaret.page.getByRole("row", { name: /Quarterly/ }).waitFor();
    await bothWidths(margaret.page, "requests-ended");
  });

  it("an emergency skips the approval with a warning first and a reason, and the grant stays marked", async () => {
    world.installation.writeManifest("emergency.yaml", emergency);
    await expect
      .poll(async () => (await world.api("margaret").get<EntitlementList>("/v1/databases")).items)
      .toContainEqual(expect.objectContaining({ role: "app_owner", breakGlass: true }));
    const { page } = margaret;
    await page.goto("/console/request/default/orders/app_owner");
    await page.getByLabel("Emergency: break the glass").check();
    await page.getByText("Access without approval, under everybody's eyes").waitFor();
    await page.getByRole("button", { name: "Break the glass" }).click();
    await page.getByText("Say why you need it.").waitFor();
    await bothWidths(page, "break-glass");
    await page.getByLabel("Reason").fill("Orders do not go out");
    await page.getByRole("button", { name: "Break the glass" }).click();
    await page.getByText("Break-glass: this access skipped its approval").waitFor();
    await page.getByText("margaret broke the glass").waitFor();
    await page.getByRole("heading", { name: "Connect" }).waitFor();
    await bothWidths(page, "grant-break-glass");

    expect(await page.getByText("Orders do not go out").first().isVisible()).toBe(true);
  });

  it("the fleet is shown to administrators, and to nobody else", async () => {
    await grace.page.goto("/console/fleet");
    await grace.page.getByRole("heading", { name: "Proxies" }).waitFor();
    await bothWidths(grace.page, "fleet");

    expect(await ada.page.getByRole("link", { name: "Fleet" }).count()).toBe(0);
  });

  it("a Slack account is shown before it is linked, nothing is linked until one says so, and its code is in no history", async () => {
    const { page } = ada;
    const asked: { readonly body: unknown; readonly csrf: string | undefined }[] = [];
    await page.route("**/v1/slack/link", async (route) => {
      const body = route.request().postDataJSON() as { readonly confirm?: boolean };
      asked.push({ body, csrf: route.request().headers()["sallyport-csrf"] });
      const account = { teamID: "T024BE7LD", slackUserID: "U0ADA", slackName: "<b>ada</b>" };
      await route.fulfill({ json: { ...account, linked: body.confirm === true } });
    });

    await page.goto("/console/slack-link#slack=abc123");
    await page.getByText("Is this your own Slack account?").waitFor();
    const before = [...asked];
    const said = await page.getByText("of workspace").textContent();
    await bothWidths(page, "slack-link");
    await page.getByRole("button", { name: "Let it act for me" }).click();
    await page.getByText("Press the button in Slack again.").waitFor();

    expect(said).toBe("User U0ADA of workspace T024BE7LD, called “<b>ada</b>”.");
    expect(before).toEqual([{ body: { code: "abc123" }, csrf: "1" }]);
    expect(asked.slice(1)).toEqual([{ body: { code: "abc123", confirm: true }, csrf: "1" }]);
    expect(page.url()).not.toContain("abc123");
    await page.unroute("**/v1/slack/link");
  });

  it("keys lead everywhere, and ? lists them", async () => {
    const { page } = ada;
    await page.goto("/console/");
    await page.getByRole("row", { name: /read_only/ }).waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    expect(await page.evaluate("document.activeElement.closest('tr').rowIndex")).toBe(2);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await look(page, "keys");
    await page.keyboard.press("Escape");
    await page.keyboard.press("g");
    await page.keyboard.press("r");
    await page.getByRole("heading", { name: "My requests" }).waitFor();
    await bothWidths(page, "requests");
  });

  it("nothing was wrong in any page: no error, no violation of the policy, no request to another origin", () => {
    world.judge();
  });
});

/** Auditors may break the glass. Of a higher priority than what the examples have for them. */
const emergency = `apiVersion: sallyport.dev/v1alpha1
kind: AccessWorkflow
metadata:
  name: emergency
spec:
  priority: 10
  maxDurationSeconds: 3600
  defaultDurationSeconds: 3600
  approvalDeadlineSeconds: 3600
  approvalSteps:
    - name: administrator
      approvers:
        - kind: Group
          name: administrators
      requiredApprovals: 1
  reasonPolicy:
    requirement: Required
  breakGlass:
    subjects:
      - kind: Group
        name: auditors
---
apiVersion: sallyport.dev/v1alpha1
kind: Availability
metadata:
  name: emergency
spec:
  subjects:
    - kind: Group
      name: auditors
  workflowRef:
    name: emergency
  roleNames: [app_owner]
  databaseRefs:
    - name: orders
`;

async function anonymous() {
  const watched = await openProfile(world.browser, world.url);
  watched.expect(/401/);
  return { ...watched, page: await watched.newPage() };
}

/** Keeps pictures of the page as it is, and dark on a phone; fails where a phone would have to scroll to the side. */
async function bothWidths(page: Page, name: string): Promise<void> {
  await look(page, name);
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize(phone);
  const width = await page.evaluate("document.documentElement.scrollWidth");
  await look(page, `${name}-phone`);
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(desktop);
  expect(width).toBe(phone.width);
}
