import type { AdmissionStand } from "./admission-stand.ts";

/** Tokens of everybody who meets the admission policies in these tests. */
export type AdmissionPeople = Readonly<
  Record<"ada" | "bob" | "grace" | "flux" | "release" | "namespaceOwner" | "administrator", string>
>;

/**
 * Makes them: ada and bob may ask for access (bob's role has status too), grace reviews, flux is a GitOps controller and release a pipeline
 * that are configured, the owner of the namespace may do everything in it, and the administrator is one of Sallyport.
 */
export async function startAdmissionPeople(stand: AdmissionStand): Promise<AdmissionPeople> {
  const { plane } = stand;
  await plane.kubectl(["create", "clusterrole", "test-everything-of-ours", "--verb=*", "--resource=*.sallyport.dev"]);
  await plane.kubectl([
    "create",
    "clusterrole",
    "test-status",
    "--verb=patch",
    "--resource=grants.sallyport.dev/status",
  ]);
  await plane.kubectl([
    "create",
    "rolebinding",
    "owner",
    "--clusterrole=cluster-admin",
    "--user=oidc:owner",
    "-n",
    "default",
  ]);
  return {
    ada: await stand.person("ada", "sallyport-requester"),
    bob: await stand.person("bob", "sallyport-requester", "test-status"),
    grace: await stand.person("grace", "sallyport-reviewer"),
    flux: await stand.account("flux-system", "kustomize-controller", "sallyport-administrator", "sallyport-reviewer"),
    release: await stand.account("ci", "release", "sallyport-requester", "sallyport-reviewer"),
    namespaceOwner: await stand.person("owner"),
    administrator: await stand.person("root", "sallyport-administrator"),
  };
}
