import { beforeEach, describe, expect, it } from "vitest";
import { deployParts } from "#tools/parts/deploy.ts";
import { isMissing } from "#tools/parts/part.ts";
import {
  cloudFormationFolder,
  cloudFormationPolicies,
  exampleInput,
  leastInput,
  type PolicyDocument,
  terraformPolicies,
} from "./aws-policies.ts";
import { run } from "./render.ts";

const { terraform, cfnLint } = deployParts();

describe("the policies that Terraform and CloudFormation make", () => {
  beforeEach(({ skip }) => skip(isMissing(terraform), isMissing(terraform) ? terraform.missing : undefined));

  it.each([
    ["with everything that is optional", exampleInput],
    ["with the least", leastInput],
  ])("are the same: %s", async (_what, input) => {
    const fromTerraform = await terraformPolicies(input);

    const fromCloudFormation = cloudFormationPolicies(input);

    for (const [name, document] of Object.entries(fromTerraform) as [keyof typeof fromTerraform, PolicyDocument][]) {
      expect(fromCloudFormation[name], name).toEqual(document);
    }
  });
});

describe("the controller's role", () => {
  it("is for its service account alone where EKS gives it, in both", async ({ skip }) => {
    skip(isMissing(terraform), isMissing(terraform) ? terraform.missing : undefined);
    const input = { ...exampleInput, principalARN: "" };

    const { controller_trust: trust } = await terraformPolicies(input);

    expect(trust).toEqual(cloudFormationPolicies(input).controller_trust);
    expect(trust.Statement).toEqual([
      {
        Effect: "Allow",
        Action: ["sts:AssumeRole", "sts:TagSession"],
        Principal: { Service: "pods.eks.amazonaws.com" },
        Condition: {
          StringEquals: {
            "aws:RequestTag/kubernetes-namespace": "sallyport-system",
            "aws:RequestTag/kubernetes-service-account": "sallyport-controller",
          },
        },
      },
    ]);
  });
});

describe("the CloudFormation templates", () => {
  it("have nothing that cfn-lint objects to: types, references, actions, and the resources that actions know", async ({
    skip,
  }) => {
    skip(isMissing(cfnLint), isMissing(cfnLint) ? cfnLint.missing : undefined);
    const { file } = cfnLint as { file: string };

    const templates = ["identity-center.yaml", "proxy-account.yaml"].map((name) => `${cloudFormationFolder}/${name}`);

    await expect(run(file, ["--include-checks", "I", "--", ...templates])).resolves.toBe("");
  });
});

describe("the policies", () => {
  const policies = cloudFormationPolicies(exampleInput);

  it("change permission sets only where they carry the installation's tag, and assign them in the Proxies' accounts only", () => {
    const changing = /:(Create|Delete|Put|Provision|Tag|Update|Attach)/;
    for (const statement of policies.controller_policy.Statement) {
      const changes = statement.Action.filter((action) => action.startsWith("sso:") && changing.test(action));
      for (const resource of changes.length === 0 ? [] : (statement.Resource ?? [])) {
        const isSet = resource.startsWith("arn:aws:sso:::permissionSet/ssoins-6804a1b2c3d4e5f6/");
        const isOther = /^arn:aws:sso:::(instance\/ssoins-6804a1b2c3d4e5f6|account\/111122223333)$/.test(resource);
        expect(isSet || isOther, resource).toBe(true);
        if (isSet) {
          expect(JSON.stringify(statement.Condition)).toMatch(
            /(Request|Resource)Tag\/sallyport\.dev\/installation":"main"/,
          );
        }
      }
    }
  });

  it("never let a permission set that is not the installation's be made the installation's", () => {
    const tagging = policies.controller_policy.Statement.filter(({ Action }) => Action.includes("sso:TagResource"));

    expect(tagging).toHaveLength(1);
    expect(tagging[0]?.Condition).toEqual({
      StringEquals: { "aws:ResourceTag/sallyport.dev/installation": "main" },
    });
  });

  it("let a task read only secrets that carry its Proxy's name", () => {
    const reading = Object.values(policies)
      .flatMap(({ Statement }) => Statement)
      .filter(({ Action }) => Action.some((action) => action.startsWith("secretsmanager:")));

    expect(reading).toHaveLength(1);
    expect(reading[0]?.Condition).toEqual({ StringEquals: { "aws:ResourceTag/sallyport.dev/proxy": "access/main" } });
    expect(policies.task_policy.Statement).toContain(reading[0]);
  });

  it("let a role of a proxy's account be taken only with the external ID", () => {
    expect(policies.account_trust.Statement[0]).toMatchObject({
      Principal: { AWS: [exampleInput.principalARN] },
      Condition: { StringEquals: { "sts:ExternalId": "sallyport:main" } },
    });
  });

  it("let the controller deliver and sign only where that is named, and delete nothing that was delivered", () => {
    const most = policies.controller_policy.Statement.filter(({ Action }) => Action.some(isForAudit));
    const least = cloudFormationPolicies(leastInput).controller_policy.Statement;

    expect(least.flatMap(({ Action }) => Action).filter(isForAudit)).toEqual([]);
    expect(most.map(({ Resource }) => Resource)).toEqual([
      exampleInput.headKeyARNs,
      exampleInput.auditObjectARNs,
      exampleInput.auditObjectKeyARNs,
      exampleInput.auditLogGroupARNs,
    ]);
    expect(most.flatMap(({ Action }) => Action).filter((action) => /Delete|Bypass|LegalHold/.test(action))).toEqual([]);
  });

  it("allow no pattern of actions", () => {
    const actions = Object.values(policies).flatMap(({ Statement }) => Statement.flatMap(({ Action }) => Action));

    expect(actions.filter((action) => action.includes("*"))).toEqual([]);
  });
});

function isForAudit(action: string): boolean {
  return /^(s3|logs|kms):/.test(action);
}
