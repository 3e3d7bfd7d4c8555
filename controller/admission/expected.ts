// Made from manifests/admission by npm run generate.

/** Name of the ConfigMap with the policies' parameters. */
export const parametersName = "sallyport-admission";

/** The admission policies of this version and their bindings, which bear the same names: digests of their specs (`admissionDigest`). */
export const expectedPolicies: readonly {
  readonly name: string;
  readonly policyDigest: string;
  readonly bindingDigest: string;
}[] = [
  {
    name: "sallyport-administrators",
    policyDigest: "sha256:82796f10876983fca12c39a02c356ec704d3c5599a2abff02d0177f48ee546f3",
    bindingDigest: "sha256:3d59dc94901fcead39f29e619d8bcd0f70c9d8d5891cd0e9d421a571fba4f9df",
  },
  {
    name: "sallyport-controller-only",
    policyDigest: "sha256:251ab5d2fe51550d1e6ed229b3744a0e9b5bad0ae2b8a9b517d4ce883a714053",
    bindingDigest: "sha256:17215b34b8311dbce998f2f5085eb014d060fb5c79e4dc6f51ce1c9dd97c96ec",
  },
  {
    name: "sallyport-requester",
    policyDigest: "sha256:f5e9a69dab4c42a925fe821061b74adcd8f7005132ddd818982683c9d58cbc75",
    bindingDigest: "sha256:5e393f15eafac6af99945488a7ea99e7d88550d65db45eca10ea15773c7548ed",
  },
  {
    name: "sallyport-reviewer",
    policyDigest: "sha256:d2ca19abce65f328480d78b7cb0b923300f4505a56a23e6894e459265d5d18e5",
    bindingDigest: "sha256:00420098c8dafdc1a0035b908f787d61cf2ecee90e91fcd2ce48590e126565f2",
  },
];
