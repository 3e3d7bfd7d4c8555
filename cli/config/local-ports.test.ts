import { mkdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { testComputer } from "#test/cli/world.ts";
import { loadPorts, ownerOf, portOf, portsFile, savePort } from "./local-ports.ts";

const url = "https://sallyport.example.com";
const key = (database: string, role = "read_only", at = url) => ({ url: at, namespace: "default", database, role });
const ports = { [url]: { "default/orders/read_only": 5432, "default/stock/read_only": 5433 } };

describe("the local port of a database and role", () => {
  it("is the one it had before, whatever is suggested now", () => {
    expect(portOf(ports, key("stock"), 5432)).toBe(5433);
  });

  it("is what is suggested, else the next that no other has, of whatever installation", () => {
    expect(portOf({}, key("orders"), 5432)).toBe(5432);
    expect(portOf(ports, key("orders", "app_owner"), 5432)).toBe(5434);
    expect(portOf(ports, key("orders", "read_only", "https://other.example.com"), 5432)).toBe(5434);
    expect(portOf({ [url]: { x: 65_535 } }, key("orders"), 65_535)).toBe(65_535);
  });

  it("is remembered for its owner's eyes, beside those of others", () => {
    using computer = testComputer();

    expect(savePort(key("orders"), 5432, computer.world)).toBe(true);
    expect(savePort(key("stock"), 5433, computer.world)).toBe(true);
    expect(savePort(key("stock"), 5433, computer.world)).toBe(true);

    expect(loadPorts(computer.world)).toEqual(ports);
    expect(statSync(portsFile(computer.world)).mode & 0o077).toBe(0);
  });

  it("names the other that has the suggested one", () => {
    expect(ownerOf(ports, key("orders", "app_owner"), 5432)).toBe("orders:read_only");
    expect(ownerOf(ports, key("orders"), 5432)).toBeUndefined();
    expect(ownerOf(ports, key("orders"), 9999)).toBeUndefined();
  });

  it.each(["", "{", "[]", "null", '{"x":1}', '{"x":{"y":"5432"}}', '{"x":{"y":70000}}'])(
    "is forgotten, and nothing else happens, where the file holds %j",
    (text) => {
      using computer = testComputer();
      mkdirSync(path.dirname(portsFile(computer.world)), { recursive: true });
      writeFileSync(portsFile(computer.world), text);

      expect(loadPorts(computer.world)).toEqual({});
      expect(savePort(key("orders"), 5432, computer.world)).toBe(true);
    },
  );

  it("that cannot be remembered is said, and harms nothing", () => {
    using computer = testComputer();
    writeFileSync(path.join(computer.home, ".config"), "a file in the way");

    expect(savePort(key("orders"), 5432, computer.world)).toBe(false);
  });
});
