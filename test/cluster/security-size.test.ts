import { afterEach, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { originProof } from "#controller/admission/origin-proof.ts";
import { createKubeTransport } from "#controller/kube/https-transport.ts";
import { loadKubeAccess } from "#controller/kube/kubeconfig.ts";
import type { KubeTransport } from "#controller/kube/transport.ts";
import { grantManifest } from "#controller/source/contract-objects.ts";
import { createClusterSource, type ClusterSource } from "#controller/source/cluster/source.ts";
import type { ControlPlane } from "#test/harness/control-plane.ts";
import { givenControlPlane } from "#test/harness/given-control-plane.ts";

let plane: ControlPlane;
givenControlPlane(async (started) => {
  plane = started;
  await plane.installCRDs();
});

let transport: KubeTransport | undefined;
let source: ClusterSource | undefined;
afterEach(async () => {
  await source?.close();
  transport?.close();
});

it("objects that somebody blew up keep no controller from starting, and none of the others from being seen", async () => {
  const namespace = await plane.createNamespace("objects");
  const ownNamespace = await plane.createNamespace("own");
  const large = { large: "x".repeat(200_000) };
  for (let index = 0; index < 24; index += 1) {
    const manifest = grantManifest(`grant-${index}`);
    const metadata = { ...manifest.metadata, annotations: index % 2 === 0 ? large : {} };
    const path = `/apis/sallyport.dev/v1alpha1/namespaces/${namespace}/grants`;
    expect(await plane.request({ method: "POST", path, body: { ...manifest, metadata } })).toMatchObject({
      status: 201,
    });
  }
  const access = await loadKubeAccess({ file: plane.kubeconfigFile, environment: {} });
  // A tenth of all of them, as it would be of thousands.
  transport = createKubeTransport({ access, version: "0.0.0", clock: systemClock, answerBytesMax: 480_000 });
  const world = {
    transport,
    clock: systemClock,
    random: () => 0.5,
    log: silentLog,
    origin: originProof("key", "test"),
  };

  source = createClusterSource({ ...world, namespaces: [namespace], ownNamespace });
  await source.start();

  expect(source.list("Grant")).toHaveLength(24);
});
