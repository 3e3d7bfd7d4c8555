import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { MetricRegistry } from "#lib/metrics/registry.ts";
import { noFaults, throttled } from "#sandbox/faults.ts";
import { startSandbox } from "#sandbox/main.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import { awsPorts } from "../aws/aws.ts";
import { awsRecorder } from "./aws.ts";
import { linesOf, valueOf } from "./testing.ts";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.stop());

/** Ports to the sandbox through the real SDK, measured. */
function measuredPorts() {
  const registry = new MetricRegistry();
  const { accessKeyID: accessKeyId, secretAccessKey } = sandbox.controllerCredentials;
  const ports = awsPorts({
    region: sandbox.region,
    credentials: { accessKeyId, secretAccessKey },
    endpoint: sandbox.url,
    clock: systemClock,
    recorder: awsRecorder(registry),
  });
  return { registry, ports };
}

describe("metrics of calls to AWS", () => {
  it("count what AWS saw", async () => {
    const { registry, ports } = measuredPorts();
    const before = sandbox.calls.length;

    await ports.instances(sandbox.region);
    await ports.account({ accountID: "111122223333", region: sandbox.region }).getService("none", "none");

    const seen = sandbox.calls.slice(before).map(({ service, operation }) => `${service} ${operation}`);
    expect(seen).toEqual(["sso ListInstances", "ecs DescribeServices"]);
    expect(await linesOf(registry, "sallyport_aws_requests_total{")).toEqual([
      'sallyport_aws_requests_total{service="sso",operation="ListInstances"} 1',
      'sallyport_aws_requests_total{service="ecs",operation="DescribeServices"} 1',
    ]);
    const duration = 'sallyport_aws_request_duration_seconds_count{service="sso",operation="ListInstances"}';
    expect(await valueOf(registry, duration)).toBe(1);
  });

  it("count each attempt of the SDK's own retries, and AWS's name of what went wrong", async () => {
    const { registry, ports } = measuredPorts();
    let calls = 0;
    sandbox.faults = () => ((calls += 1) === 1 ? throttled() : "pass");

    await ports.account({ accountID: "111122223333", region: sandbox.region }).getService("none", "none");
    sandbox.faults = noFaults;

    const labels = 'service="ecs",operation="DescribeServices"';
    expect(await valueOf(registry, `sallyport_aws_requests_total{${labels}}`)).toBe(2);
    expect(await valueOf(registry, `sallyport_aws_errors_total{${labels},code="ThrottlingException"}`)).toBe(1);
  });

  it("count the calls that take a role, which no port makes itself", async () => {
    const { registry, ports } = measuredPorts();
    const assumeRoleARN = "arn:aws:iam::111122223333:role/none-such";

    const called = ports.account({ accountID: "111122223333", region: sandbox.region, assumeRoleARN }).getRole("none");

    await expect(called).rejects.toThrow();
    const lines = await linesOf(registry, "sallyport_aws_requests_total{");
    expect(lines).toContain('sallyport_aws_requests_total{service="sts",operation="AssumeRole"} 1');
  });

  it("show how long calls wait under our own limit", async () => {
    const { registry, ports } = measuredPorts();

    await Promise.all(Array.from({ length: 6 }, () => ports.instances(sandbox.region)));

    const waits = 'sallyport_aws_limiter_wait_seconds_count{limiter="sso",urgency="change"}';
    expect(await valueOf(registry, waits)).toBe(6);
  });
});
