import type { LinkGrant } from "#wire/link.ts";

/** The installation that the bench plays. */
export const installation = "bench";
export const proxyName = "default/main";
export const region = "eu-west-1";
export const accountID = "111122223333";
export const taskID = "0123456789abcdef0123456789abcdef";
export const taskARN = `arn:aws:ecs:${region}:${accountID}:task/sallyport/${taskID}`;
/** What the stand-in of STS says of the task, and of the person. */
export const roleIDs = { task: "AROATASK", person: "AROAPERSON" } as const;
export const personName = "ada";

/** How statements are kept: the three durabilities of a Database, by the name that results have. */
export const durabilities = { written: "Written", synced: "Synced", remote: "Remote" } as const;
export type Durability = keyof typeof durabilities;

/** The database server behind the proxy. */
export interface GrantedDatabase {
  readonly engine: LinkGrant["database"]["engine"];
  readonly port: number;
  readonly databaseName: string;
  readonly username: string;
}

/** One grant for each durability, as the controller sends them. */
export function grantsFor(database: GrantedDatabase): LinkGrant[] {
  return Object.values(durabilities).map((durability, index) => grantFor(database, durability, index));
}

/** Of so many people, each with a grant of their own. */
export function grantsOfMany(database: GrantedDatabase, count: number): LinkGrant[] {
  return Array.from({ length: count }, (_, index) => grantFor(database, "Written", index));
}

/** Legal as a permission set's name: 26 characters of base32 behind the g. */
const idCharacters = "abcdefghijklmnopqrstuvwxyz234567";

function grantFor(database: GrantedDatabase, durability: LinkGrant["audit"]["durability"], index: number): LinkGrant {
  return {
    grantID: `g${idCharacters.charAt(index).repeat(26)}`,
    epoch: 1,
    state: "live",
    remainingMs: 4 * 3_600_000,
    person: { userName: personName, userID: "u-1" },
    accountID,
    roleID: roleIDs.person,
    database: {
      key: "default/orders",
      engine: database.engine,
      host: "127.0.0.1",
      port: database.port,
      databaseName: database.databaseName,
      tlsMode: "VerifyFull",
    },
    role: { name: "read_only", username: database.username, secretARN: "arn:aws:secretsmanager:bench" },
    audit: { durability, onFull: "Deny", parameters: "Record" },
  };
}
