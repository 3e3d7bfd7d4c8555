import { expect, test } from "vitest";
import { randomFrom, systemRandom } from "./ids.ts";
import { plantSeed } from "./plant.ts";
import { demoAccountID, demoSeed, identityPermissionSetName, type Seed } from "./seed.ts";
import { appliesTo, emptyState, personByName, type State } from "./state.ts";

function plant(seed: Seed, random = systemRandom): State {
  const state = emptyState(seed, random, () => 0);
  plantSeed(state, seed, random, 0);
  return state;
}

test("the same seed gives people, groups, sets, secrets and task roles the same identifiers on every start", () => {
  const identifiers = (state: State) => [
    ...state.people.keys(),
    ...state.groups.keys(),
    ...state.permissionSets.keys(),
    ...state.secrets.keys(),
    state.roles.get(demoAccountID, "sallyport-proxy-task")?.roleID,
  ];

  const first = identifiers(plant(demoSeed()));

  expect(identifiers(plant(demoSeed()))).toEqual(first);
  expect(new Set(first).size).toBe(first.length);
});

test("everybody has the identity permission set, which allows nothing", () => {
  const state = plant(demoSeed(), randomFrom("plant"));
  const [assignment] = state.assignments.values();
  const set = state.permissionSets.get(assignment?.permissionSetARN ?? "");
  const role = state.roles.byID(set?.provisioned.get(demoAccountID)?.roleID ?? "");

  expect(set?.name).toBe(identityPermissionSetName);
  expect(role?.permissions).toEqual([]);
  for (const person of state.people.values()) {
    expect([...state.assignments.values()].some((one) => appliesTo(state, one, person.userID))).toBe(true);
  }
});

test("an assignment to a group reaches its members", () => {
  const seed = demoSeed();
  const assignments = [{ accountID: demoAccountID, groupName: "auditors" }];
  const state = plant({ ...seed, permissionSets: [{ name: "audit", assignments }] });
  const [assignment] = state.assignments.values();
  const reaches = (userName: string) =>
    assignment !== undefined && appliesTo(state, assignment, personByName(state, userName)?.userID ?? "");

  expect([reaches("margaret"), reaches("ada")]).toEqual([true, false]);
});

test("a seed that speaks of somebody or something it does not define is refused with the name", () => {
  const seed = demoSeed();
  const group = { displayName: "g", members: ["nobody"] };
  const assigned = (assignment: Seed["permissionSets"][number]["assignments"][number]) => ({
    ...seed,
    permissionSets: [{ name: "s", assignments: [assignment] }],
  });

  expect(() => plant({ ...seed, groups: [group] })).toThrow("person nobody");
  expect(() => plant(assigned({ accountID: demoAccountID, groupName: "none" }))).toThrow("group none");
  expect(() => plant(assigned({ accountID: "999999999999", userName: "ada" }))).toThrow("account 999999999999");
});
