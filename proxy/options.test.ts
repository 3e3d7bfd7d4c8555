import { expect, it } from "vitest";
import { readOptions } from "./options.ts";

const complete = {
  SALLYPORT_PROXY: "default/main",
  SALLYPORT_INSTALLATION: "acme",
  SALLYPORT_CONTROLLER_URL: "https://sallyport.example.com:8443",
  SALLYPORT_CONTROLLER_PIN: `sha256:${"ab".repeat(32)}`,
  AWS_REGION: "eu-west-1",
  AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/credentials/x",
  ECS_CONTAINER_METADATA_URI_V4: "http://169.254.170.2/v4/x",
};

it("compiles a complete environment, with its defaults", () => {
  expect(readOptions(complete)).toMatchObject({
    proxy: "default/main",
    controller: { host: "sallyport.example.com", port: 8_443 },
    listen: { host: "127.0.0.1", port: 9_432 },
    spoolDirectory: "spool",
    logLevel: "info",
    sts: { url: "https://sts.eu-west-1.amazonaws.com", region: "eu-west-1" },
  });
});

it.each([
  ["SALLYPORT_PROXY", undefined],
  ["SALLYPORT_PROXY", "main"],
  ["SALLYPORT_INSTALLATION", ""],
  ["SALLYPORT_CONTROLLER_URL", "http://sallyport.example.com"],
  ["SALLYPORT_CONTROLLER_URL", "https://sallyport.example.com/path"],
  ["SALLYPORT_CONTROLLER_URL", "https://user@sallyport.example.com"],
  ["SALLYPORT_CONTROLLER_PIN", undefined],
  ["SALLYPORT_CONTROLLER_PIN", "sha256:short"],
  ["SALLYPORT_PORT", "80"],
  ["SALLYPORT_PORT", "9432x"],
  ["SALLYPORT_PORT", "70000"],
  ["SALLYPORT_LOOPBACK", "0.0.0.0"],
  ["SALLYPORT_LOG_LEVEL", "loud"],
  ["AWS_REGION", undefined],
  ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", undefined],
  ["ECS_CONTAINER_METADATA_URI_V4", "ftp://x"],
])("names the variable that is missing or wrong: %s=%s", (name, value) => {
  expect(() => readOptions({ ...complete, [name]: value })).toThrow(new RegExp(`\\b${name}\\b`));
});

it("signs for the endpoint that the SDK's own variables name, the service's before the general one", () => {
  const general = readOptions({ ...complete, AWS_ENDPOINT_URL: "http://127.0.0.1:1" });
  const special = readOptions({
    ...complete,
    AWS_ENDPOINT_URL: "http://127.0.0.1:1",
    AWS_ENDPOINT_URL_STS: "http://127.0.0.1:2",
  });

  expect([general.sts.url, special.sts.url]).toEqual(["http://127.0.0.1:1", "http://127.0.0.1:2"]);
});
