import { expect, test } from "vitest";
import { validateObject } from "./validate.ts";

const spec = {
  principal: { name: "ada" },
  databaseRef: { name: "orders" },
  roleName: "read_only",
  durationSeconds: 3600,
  notAfterTime: "2026-12-31T18:00:00Z",
};
const grant = (metadata: object, fields: object): unknown => ({
  apiVersion: "sallyport.dev/v1alpha1",
  kind: "Grant",
  metadata: { name: "one", ...metadata },
  spec: { ...spec, ...fields },
});

test("an empty field is left out of what was accepted", () => {
  const { object } = validateObject(grant({ creationTimestamp: null }, { suspend: null, reason: null }));

  expect(object).toEqual(grant({ namespace: "default" }, {}));
});

test("an empty label or annotation is the empty text", () => {
  const { object } = validateObject(grant({ labels: { team: null }, annotations: null }, {}));

  expect(object?.metadata).toEqual({ name: "one", namespace: "default", labels: { team: "" } });
});

test("a field that must be there is missing where it is empty, and an unknown one stays unknown", () => {
  const { problems = [] } = validateObject(grant({}, { principal: null, stranger: null }));

  expect(problems.map(({ path, message }) => `${path} ${message}`)).toEqual(
    expect.arrayContaining(["spec.principal is required", expect.stringContaining("spec.stranger is not a field")]),
  );
});

test("the caller's object keeps its empty fields", () => {
  const given = grant({}, { suspend: null });

  validateObject(given);

  expect(given).toEqual(grant({}, { suspend: null }));
});

test("an empty entry of a list is refused", () => {
  const { problems = [] } = validateObject({
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "Availability",
    metadata: { name: "one" },
    spec: {
      subjects: [{ kind: "Group", name: "developers" }],
      workflowRef: { name: "standard" },
      roleNames: [null],
      databaseRefs: [{ name: "orders" }],
    },
  });

  expect(problems.map(({ path }) => path)).toEqual(["spec.roleNames[0]"]);
});
