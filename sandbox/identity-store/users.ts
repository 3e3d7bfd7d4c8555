import type { Context } from "../context.ts";
import { uuid } from "../ids.ts";
import { type Input, optionalText, structure, structures, text } from "../input.ts";
import { page } from "../paging.ts";
import { AwsError, type Operation } from "../service.ts";
import { type Person, personByName, type State } from "../state.ts";
import { notFound, requiredPerson, requireStore, userShape } from "./shapes.ts";

/** Attributes that are kept and shown as they came. */
const plainAttributes = [
  "NickName",
  "ProfileUrl",
  "Addresses",
  "PhoneNumbers",
  "UserType",
  "Title",
  "PreferredLanguage",
  "Locale",
  "Timezone",
];

/** Operations on users. */
export function userOperations(context: Context): Record<string, Operation> {
  const { state, clock } = context;
  return {
    GetUserId(input) {
      requireStore(state, input);
      const person = findByAlternate(state, structure(input, "AlternateIdentifier"));
      if (person === undefined) {
        throw notFound("USER", "");
      }
      return { IdentityStoreId: state.instance.identityStoreID, UserId: person.userID };
    },
    DescribeUser: (input) => userShape(state, requiredPerson(state, input)),
    ListUsers(input) {
      requireStore(state, input);
      const people = [...state.people.values()].filter((person) =>
        structures(input, "Filters").every((filter) => matches(person, filter)),
      );
      const { items, next } = page(people, input);
      return { Users: items.map((person) => userShape(state, person)), NextToken: next };
    },
    CreateUser(input) {
      requireStore(state, input);
      const person = newPerson(context, input);
      if (personByName(state, person.userName) !== undefined) {
        throw new AwsError("ConflictException", "Duplicate UserName", 400, {
          Reason: "UNIQUENESS_CONSTRAINT_VIOLATION",
        });
      }
      state.people.set(person.userID, person);
      return { IdentityStoreId: state.instance.identityStoreID, UserId: person.userID };
    },
    UpdateUser(input) {
      const person = requiredPerson(state, input);
      const changes = structures(input, "Operations").map(
        (change) => [text(change, "AttributePath", { min: 1, max: 255 }), change["AttributeValue"]] as const,
      );
      for (const [path, value] of changes) {
        update(state, person, path, value);
      }
      person.updatedAt = clock.now();
      return {};
    },
    DeleteUser(input) {
      const person = requiredPerson(state, input);
      state.people.delete(person.userID);
      for (const membership of [...state.memberships.values()].filter((one) => one.userID === person.userID)) {
        state.memberships.delete(membership.membershipID);
      }
      return {};
    },
  };
}

/** By `UniqueAttribute` (`userName` or `emails.value`) or by `ExternalId`. */
function findByAlternate(state: State, alternate: Input): Person | undefined {
  const people = [...state.people.values()];
  if (alternate["ExternalId"] !== undefined) {
    const external = structure(alternate, "ExternalId");
    const issuer = text(external, "Issuer");
    const id = text(external, "Id");
    return people.find((person) => person.externalIDs.some((one) => one.issuer === issuer && one.id === id));
  }
  const unique = structure(alternate, "UniqueAttribute");
  const path = text(unique, "AttributePath").toLowerCase();
  const value = text(unique, "AttributeValue", { min: 1 });
  switch (path) {
    case "username":
      return personByName(state, value);
    case "emails.value":
      return people.find((person) => person.email.toLowerCase() === value.toLowerCase());
    default:
      throw new AwsError("ValidationException", `The attribute path ${path} does not identify a user.`);
  }
}

function matches(person: Person, filter: Input): boolean {
  const path = text(filter, "AttributePath");
  const value = text(filter, "AttributeValue");
  if (path !== "UserName") {
    throw new AwsError("ValidationException", `Filtering by ${path} is not supported.`);
  }
  return person.userName.toLowerCase() === value.toLowerCase();
}

function newPerson({ state, clock, random }: Context, input: Input): Person {
  const name = structure(input, "Name");
  const now = clock.now();
  return {
    // IDs start with the ten digits of the store, as those of stores with the `d-` form do.
    userID: `${state.instance.identityStoreID.slice(2)}-${uuid(random)}`,
    userName: text(input, "UserName", { min: 1, max: 128 }),
    displayName: text(input, "DisplayName", { min: 1, max: 1024 }),
    givenName: text(name, "GivenName", { min: 1, max: 1024 }),
    familyName: text(name, "FamilyName", { min: 1, max: 1024 }),
    email: optionalText(structures(input, "Emails")[0] ?? {}, "Value") ?? "",
    status: "ENABLED",
    externalIDs: [],
    attributes: Object.fromEntries(
      plainAttributes.filter((key) => input[key] !== undefined).map((key) => [key, input[key]]),
    ),
    createdAt: now,
    updatedAt: now,
  };
}

function update(state: State, person: Person, path: string, value: unknown): void {
  const input = { value };
  switch (path.toLowerCase()) {
    case "username": {
      const userName = text(input, "value", { min: 1, max: 128 });
      const holder = personByName(state, userName);
      if (holder !== undefined && holder !== person) {
        throw new AwsError("ConflictException", "Duplicate UserName", 400, {
          Reason: "UNIQUENESS_CONSTRAINT_VIOLATION",
        });
      }
      person.userName = userName;
      return;
    }
    case "displayname":
      person.displayName = text(input, "value", { min: 1, max: 1024 });
      return;
    case "name.givenname":
      person.givenName = text(input, "value", { min: 1, max: 1024 });
      return;
    case "name.familyname":
      person.familyName = text(input, "value", { min: 1, max: 1024 });
      return;
    case "emails":
      person.email = optionalText(structures(input, "value")[0] ?? {}, "Value") ?? "";
      return;
    default: {
      const known = plainAttributes.find((key) => key.toLowerCase() === path.toLowerCase());
      if (known === undefined) {
        throw new AwsError("ValidationException", `The attribute path ${path} is not supported.`);
      }
      person.attributes[known] = value;
    }
  }
}
