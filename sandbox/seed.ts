import type { PolicyDocument } from "./service.ts";

/** The organisation that a sandbox starts with: plain data, also readable from a JSON file of the same shape. */
export interface Seed {
  /** The one region of the sandbox, such as `eu-west-1`. */
  readonly region: string;
  readonly identityCenter: {
    /** `ssoins-` and 16 hexadecimal digits. */
    readonly instanceID: string;
    /** `d-` and 10 hexadecimal digits. */
    readonly identityStoreID: string;
    /** The account that owns the instance. */
    readonly accountID: string;
  };
  readonly accounts: readonly SeedAccount[];
  readonly people: readonly SeedPerson[];
  readonly groups: readonly SeedGroup[];
  readonly permissionSets: readonly SeedPermissionSet[];
  /** Ordinary IAM roles, such as the proxy's task role. */
  readonly roles: readonly SeedRole[];
  readonly secrets: readonly SeedSecret[];
  readonly dbInstances: readonly SeedDBInstance[];
  readonly dbClusters: readonly SeedDBCluster[];
  /** Who the controller is: an IAM user with administrator rights and long-term keys. */
  readonly controller: { readonly accountID: string; readonly userName: string };
}

export interface SeedAccount {
  /** 12 digits. */
  readonly accountID: string;
  readonly name: string;
  readonly emailAddress: string;
}

export interface SeedPerson {
  readonly userName: string;
  readonly displayName: string;
  readonly givenName: string;
  readonly familyName: string;
  readonly email: string;
  /** Absent: `ENABLED`. */
  readonly status?: "ENABLED" | "DISABLED";
}

export interface SeedGroup {
  readonly displayName: string;
  readonly description?: string;
  /** User names. */
  readonly members: readonly string[];
}

export interface SeedPermissionSet {
  readonly name: string;
  readonly description?: string;
  /** ISO 8601, `PT1H`…`PT12H`. Absent: `PT1H`. */
  readonly sessionDuration?: string;
  readonly inlinePolicy?: PolicyDocument;
  /** Only `arn:aws:iam::aws:policy/AdministratorAccess` has an effect; the sandbox does not know the content of others. */
  readonly managedPolicyARNs?: readonly string[];
  readonly tags?: Readonly<Record<string, string>>;
  /** Where and to whom it is assigned; `everyone` means each person of the seed. */
  readonly assignments: readonly SeedAssignment[];
}

export type SeedAssignment = { readonly accountID: string } & (
  | { readonly userName: string }
  | { readonly groupName: string }
  | { readonly everyone: true }
);

export interface SeedRole {
  readonly accountID: string;
  readonly roleName: string;
  /** Absent: `/`. */
  readonly path?: string;
  readonly permissions: "administrator" | readonly PolicyDocument[];
  /** Service that may assume it, such as `ecs-tasks.amazonaws.com`. */
  readonly trustedService: string;
  /** Accounts or principals that may assume it too, such as `arn:aws:iam::111122223333:root`. */
  readonly trusted?: readonly string[];
  /** External ID that those must name. */
  readonly externalID?: string;
}

export interface SeedSecret {
  readonly accountID: string;
  readonly name: string;
  readonly description?: string;
  /** Often JSON: `{"username": …, "password": …}`. */
  readonly secretString: string;
}

export interface SeedDBInstance {
  readonly accountID: string;
  readonly identifier: string;
  /** As RDS names it: `postgres`, `mysql`, `mariadb`, `aurora-postgresql`… */
  readonly engine: string;
  readonly engineVersion: string;
  readonly endpoint: SeedEndpoint;
  readonly databaseName?: string;
  readonly masterUsername: string;
  /** Identifier of the cluster it belongs to. */
  readonly clusterIdentifier?: string;
  readonly iamAuthentication?: boolean;
  /** VPC security groups; absent: the demo's. */
  readonly securityGroupIDs?: readonly string[];
  /** As RDS names it; absent: `available`. */
  readonly status?: string;
}

export interface SeedDBCluster {
  readonly accountID: string;
  readonly identifier: string;
  readonly engine: string;
  readonly engineVersion: string;
  readonly endpoint: SeedEndpoint;
  readonly readerEndpoint?: SeedEndpoint;
  readonly databaseName?: string;
  readonly masterUsername: string;
  readonly iamAuthentication?: boolean;
  /** VPC security groups; absent: the demo's. */
  readonly securityGroupIDs?: readonly string[];
}

export interface SeedEndpoint {
  readonly host: string;
  readonly port: number;
}

/** Where the demo organisation's database really listens. */
export interface DemoDatabase {
  readonly endpoint: SeedEndpoint;
  readonly databaseName: string;
  readonly engineVersion: string;
  /** Passwords of the two database users. */
  readonly readOnlyPassword: string;
  readonly appOwnerPassword: string;
}

/** Where the demo organisation's second database really listens, when it has one. */
export interface DemoMySql extends DemoDatabase {
  /** As RDS names it. */
  readonly engine: "mysql" | "mariadb";
}

const demoDatabase: DemoDatabase = {
  endpoint: { host: "127.0.0.1", port: 5432 },
  databaseName: "orders",
  engineVersion: "18.4",
  readOnlyPassword: "read-only-demo-password",
  appOwnerPassword: "app-owner-demo-password",
};

/** Account of the demo organisation. */
export const demoAccountID = "111122223333";

/** Name of the permission set that allows nothing and proves who a person is. */
export const identityPermissionSetName = "sallyport";

/**
 * The demo organisation: one account, five people, three groups, the identity permission set assigned to everyone, one
 * database `orders-prod` with a secret for each of its two users, and the roles that an ECS task needs. With `mysql`, a second
 * database `stock-prod` of the same kind.
 */
export function demoSeed(database: Partial<DemoDatabase> = {}, mysql?: DemoMySql): Seed {
  const db = { ...demoDatabase, ...database };
  const accountID = demoAccountID;
  return {
    region: "eu-west-1",
    identityCenter: { instanceID: "ssoins-6804a1b2c3d4e5f6", identityStoreID: "d-93671a2b3c", accountID },
    accounts: [{ accountID, name: "production", emailAddress: "aws-production@example.com" }],
    people: demoPeople,
    groups: [
      { displayName: "developers", description: "Write the software", members: ["ada", "grace", "linus"] },
      { displayName: "auditors", description: "Read the audit trail", members: ["margaret"] },
      { displayName: "administrators", description: "Run the installation", members: ["grace"] },
    ],
    permissionSets: [
      {
        name: identityPermissionSetName,
        description: "Says who you are; allows nothing",
        assignments: [{ accountID, everyone: true }],
      },
    ],
    roles: demoRoles(accountID),
    secrets: [...secretsOf("orders-prod", db), ...(mysql === undefined ? [] : secretsOf("stock-prod", mysql))],
    dbInstances: [
      instance("orders-prod", "postgres", db),
      ...(mysql === undefined ? [] : [instance("stock-prod", mysql.engine, mysql)]),
    ],
    dbClusters: [],
    controller: { accountID, userName: "sallyport-controller" },
  };
}

const demoPeople: readonly SeedPerson[] = [
  person("ada", "Ada", "Lovelace"),
  person("grace", "Grace", "Hopper"),
  person("linus", "Linus", "Torvalds"),
  person("margaret", "Margaret", "Hamilton"),
  { ...person("mallory", "Mallory", "Moriarty"), status: "DISABLED" },
];

function person(userName: string, givenName: string, familyName: string): SeedPerson {
  return {
    userName,
    displayName: `${givenName} ${familyName}`,
    givenName,
    familyName,
    email: `${userName}@example.com`,
  };
}

function secretsOf(identifier: string, db: DemoDatabase): SeedSecret[] {
  return [
    secret(`${identifier}/read_only`, "read_only", db.readOnlyPassword),
    secret(`${identifier}/app_owner`, "app_owner", db.appOwnerPassword),
  ];
}

function instance(identifier: string, engine: string, db: DemoDatabase): SeedDBInstance {
  return {
    accountID: demoAccountID,
    identifier,
    engine,
    engineVersion: db.engineVersion,
    endpoint: db.endpoint,
    databaseName: db.databaseName,
    masterUsername: engine === "postgres" ? "postgres" : "admin",
    iamAuthentication: true,
  };
}

function secret(name: string, username: string, password: string): SeedSecret {
  return { accountID: demoAccountID, name, secretString: JSON.stringify({ username, password }) };
}

function demoRoles(accountID: string): SeedRole[] {
  const ssmMessages = ["CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel"];
  return [
    {
      accountID,
      roleName: "sallyport-proxy-task",
      trustedService: "ecs-tasks.amazonaws.com",
      permissions: [
        {
          Version: "2012-10-17",
          Statement: [
            { Effect: "Allow", Action: ssmMessages.map((name) => `ssmmessages:${name}`), Resource: "*" },
            {
              Effect: "Allow",
              Action: ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
              Resource: ["orders-prod", "stock-prod"].map(
                (identifier) => `arn:aws:secretsmanager:*:${accountID}:secret:${identifier}/*`,
              ),
            },
            { Effect: "Allow", Action: "rds-db:connect", Resource: `arn:aws:rds-db:*:${accountID}:dbuser:*/*` },
            { Effect: "Allow", Action: ["ecs:UpdateTaskProtection", "ecs:GetTaskProtection"], Resource: "*" },
          ],
        },
      ],
    },
    {
      accountID,
      roleName: "sallyport-proxy-execution",
      trustedService: "ecs-tasks.amazonaws.com",
      permissions: [],
    },
  ];
}
