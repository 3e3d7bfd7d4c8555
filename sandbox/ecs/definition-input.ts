import { clientError, optionalObject, optionalText, requiredText, textList } from "./input.ts";
import type { ContainerDefinition } from "./model.ts";

const familyPattern = /^[a-zA-Z0-9_-]{1,255}$/;
const containerNamePattern = /^[a-zA-Z0-9_-]{1,255}$/;

/** Members that are kept and shown as they came. */
const keptMembers = [
  "taskRoleArn",
  "executionRoleArn",
  "volumes",
  "placementConstraints",
  "cpu",
  "memory",
  "runtimePlatform",
  "ephemeralStorage",
  "proxyConfiguration",
  "pidMode",
  "ipcMode",
  "requiresCompatibilities",
] as const;

/** Task CPU units and the memory in MiB that Fargate has for each: least, most (ECS Developer Guide, "Task CPU and memory"). */
const fargateSizes: Readonly<Record<string, readonly [number, number]>> = {
  256: [512, 2_048],
  512: [1_024, 4_096],
  1024: [2_048, 8_192],
  2048: [4_096, 16_384],
  4096: [8_192, 30_720],
  8192: [16_384, 61_440],
  16384: [32_768, 122_880],
};

/** Checks a RegisterTaskDefinition request. Throws ClientException or InvalidParameterException. */
export function readDefinition(input: Record<string, unknown>): {
  family: string;
  containers: ContainerDefinition[];
  shape: Readonly<Record<string, unknown>>;
} {
  const family = requiredText(input, "family");
  if (!familyPattern.test(family)) {
    throw clientError("Family contains invalid characters.");
  }
  const compatibilities = textList(input, "requiresCompatibilities");
  const networkMode = optionalText(input, "networkMode") ?? "bridge";
  if (compatibilities.includes("FARGATE")) {
    checkFargate(input, networkMode);
  }
  const containers = readContainers(input["containerDefinitions"]);
  const kept = Object.fromEntries(
    keptMembers.filter((key) => input[key] !== undefined).map((key) => [key, input[key]]),
  );
  return {
    family,
    containers,
    shape: {
      containerDefinitions: containers,
      family,
      networkMode,
      volumes: [],
      placementConstraints: [],
      compatibilities: networkMode === "awsvpc" ? ["EC2", "FARGATE"] : ["EC2"],
      requiresAttributes: [],
      ...kept,
    },
  };
}

function checkFargate(input: Record<string, unknown>, networkMode: string): void {
  if (networkMode !== "awsvpc") {
    throw clientError("Fargate only supports network mode ‘awsvpc’.");
  }
  const { cpu, memory } = input;
  if (cpu === undefined || memory === undefined) {
    throw clientError("Fargate requires that 'cpu' and 'memory' be defined at the task level.");
  }
  const bounds = fargateSizes[String(cpu)];
  if (bounds === undefined || Number(memory) < bounds[0] || Number(memory) > bounds[1] || Number(memory) % 512 !== 0) {
    throw clientError("No Fargate configuration exists for given values.");
  }
}

function readContainers(value: unknown): ContainerDefinition[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw clientError("Container list cannot be empty.");
  }
  const containers = (value as Record<string, unknown>[]).map(readContainer);
  if (new Set(containers.map((container) => container.name)).size < containers.length) {
    throw clientError("Container names must be unique.");
  }
  if (!containers.some((container) => container.essential)) {
    throw clientError("At least one container must be essential.");
  }
  return containers;
}

/** Members that ECS fills in when it shows a definition. */
const containerDefaults = { cpu: 0, portMappings: [], mountPoints: [], volumesFrom: [], systemControls: [] };

function readContainer(container: Record<string, unknown>): ContainerDefinition {
  const name = requiredText(container, "name");
  if (!containerNamePattern.test(name)) {
    throw clientError(`Invalid container name ${name}.`);
  }
  const image = optionalText(container, "image") ?? "";
  if (image === "" || /\s/.test(image)) {
    throw clientError("Container.image should not be null or empty.");
  }
  checkRestartPolicy(container);
  checkStopTimeout(container);
  return {
    ...containerDefaults,
    ...container,
    name,
    image,
    essential: container["essential"] !== false,
    environment: readPairs(container, "environment", "value"),
    ...(container["secrets"] === undefined ? {} : { secrets: readPairs(container, "secrets", "valueFrom") }),
  };
}

/** Names and values; a name that comes twice is the later one's, as in an environment. */
function readPairs<K extends string>(
  container: Record<string, unknown>,
  member: string,
  valueKey: K,
): ({ name: string } & Record<K, string>)[] {
  const list = container[member] ?? [];
  if (!Array.isArray(list)) {
    throw clientError(`${member} must be a list.`);
  }
  return (list as Record<string, unknown>[]).map((pair) => {
    const { name, [valueKey]: value } = pair;
    if (typeof name !== "string" || name === "" || typeof value !== "string") {
      throw clientError(`${member} must hold names and values that are strings.`);
    }
    return { name, [valueKey]: value } as { name: string } & Record<K, string>;
  });
}

function checkRestartPolicy(container: Record<string, unknown>): void {
  const policy = optionalObject(container, "restartPolicy");
  if (policy === undefined) {
    return;
  }
  const period = policy["restartAttemptPeriod"] ?? 300;
  if (typeof policy["enabled"] !== "boolean" || typeof period !== "number" || period < 60 || period > 1_800) {
    throw clientError("restartPolicy needs enabled, and a restartAttemptPeriod from 60 to 1800 seconds.");
  }
}

/** Fargate's longest is 120 seconds. */
function checkStopTimeout(container: Record<string, unknown>): void {
  const seconds = container["stopTimeout"] ?? 30;
  if (typeof seconds !== "number" || seconds < 0 || seconds > 120) {
    throw clientError("stopTimeout must be from 0 to 120 seconds.");
  }
}
