import { expect, it } from "vitest";
import { apiReference } from "./generate-api.ts";

it("documents a route from what answers it", () => {
  const page = apiReference([
    {
      method: "GET",
      path: "/v1/things",
      rule: "person",
      summary: "Things | all.",
      streams: true,
      query: { after: {} },
    },
  ]);

  expect(page).toContain("| `GET /v1/things` | person | Things \\| all. *Stream.* Query: `after`. |\n");
});
