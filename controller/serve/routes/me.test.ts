import { expect, it } from "vitest";
import { apiStand } from "#test/serve/api-stand.ts";

it("signing out ends the token that the caller came with, and what it opened, and no other of theirs", async () => {
  const stand = apiStand();
  const [token, other] = [stand.tokenOf("ada"), stand.tokenOf("ada")];
  const stream = await stand.ask("/v1/grants/watch", "ada", { token });
  const isOver = stream.text();

  const answer = await stand.ask("/v1/logout", "ada", { method: "POST", token });

  expect(answer.status).toBe(200);
  expect((await stand.ask("/v1/me", "ada", { token })).status).toBe(401);
  expect((await stand.ask("/v1/me", "ada", { token: other })).status).toBe(200);
  expect(await isOver).toBe("{}\n");
});
