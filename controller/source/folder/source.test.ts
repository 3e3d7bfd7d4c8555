import { sourceContract } from "../contract.ts";
import { FolderHarness } from "./harness.ts";

sourceContract("folder", async () => new FolderHarness());
