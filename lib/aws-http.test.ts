import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { ListInstancesCommand, SSOAdminClient } from "@aws-sdk/client-sso-admin";
import { expect, it } from "vitest";
import { awsHttp } from "./aws-http.ts";

/** What a client of the SDK makes of a server that answers like this. */
async function callOf(listener: RequestListener): Promise<unknown> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new SSOAdminClient({
    region: "eu-west-1",
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "example" },
    maxAttempts: 1,
    requestHandler: awsHttp(100),
  });
  try {
    return await client.send(new ListInstancesCommand({}));
  } finally {
    client.destroy();
    server.closeAllConnections();
    server.close();
  }
}

it("gives a call up that is never answered", async () => {
  await expect(callOf(() => {})).rejects.toMatchObject({ name: "TimeoutError" });
});

it("gives a call up whose answer never ends", async () => {
  const endless = callOf((_request, response) => {
    response.writeHead(200, { "content-type": "application/x-amz-json-1.1" });
    response.write('{"Instances":');
  });

  await expect(endless).rejects.toThrow();
});

it("leaves a call alone that is answered", async () => {
  const answered = callOf((_request, response) => {
    response.writeHead(200, { "content-type": "application/x-amz-json-1.1" });
    response.end('{"Instances":[]}');
  });

  await expect(answered).resolves.toMatchObject({ Instances: [] });
});
