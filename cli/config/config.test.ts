import { statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { testComputer } from "#test/cli/world.ts";
import { configFile, configOf, loadConfig, saveConfig } from "./config.ts";

const url = "https://sallyport.example.com";

describe("where Sallyport is", () => {
  it("is remembered, for its owner only, and found where XDG says", () => {
    using computer = testComputer();
    saveConfig({ url, caFile: "/ca.pem" }, computer.world);

    expect(loadConfig(computer.world)).toEqual({ url, caFile: "/ca.pem" });
    expect(statSync(configFile(computer.world)).mode & 0o777).toBe(0o600);
    const elsewhere = { ...computer.world, environment: { XDG_CONFIG_HOME: "/xdg" } };
    expect(configFile(elsewhere)).toBe("/xdg/sallyport/config.json");
  });

  it("comes from the environment first, the authority too where the address is remembered", () => {
    using computer = testComputer();
    saveConfig({ url, caFile: "/ca.pem" }, computer.world);
    const withEnvironment = (environment: Record<string, string>) => loadConfig({ ...computer.world, environment });

    expect(withEnvironment({ SALLYPORT_URL: "https://other/" })).toEqual({ url: "https://other" });
    expect(withEnvironment({ SALLYPORT_CA_FILE: "/mine.pem" })).toEqual({ url, caFile: "/mine.pem" });
  });

  it("is asked for where nothing is known, and where the file is broken", () => {
    using computer = testComputer();
    const next = "sallyport login --url https://sallyport.example.com";

    expect(() => loadConfig(computer.world)).toThrow(expect.objectContaining({ code: "NotConfigured", next }));
    saveConfig({ url }, computer.world);
    for (const text of ["{", "null"]) {
      writeFileSync(configFile(computer.world), text);
      expect(() => loadConfig(computer.world)).toThrow(expect.objectContaining({ code: "ConfigUnreadable", next }));
    }
    writeFileSync(configFile(computer.world), "{}");
    expect(() => loadConfig(computer.world)).toThrow(expect.objectContaining({ code: "InvalidURL" }));
    expect(path.basename(configFile(computer.world))).toBe("config.json");
  });

  it.each(["http://x", "x", "", "https://x?y=1", "https://x#y", "https://me:pw@x"])("is not %j", (wrong) => {
    expect(() => configOf(wrong)).toThrow(expect.objectContaining({ code: "InvalidURL" }));
  });
});
