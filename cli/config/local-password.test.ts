import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { testComputer } from "#test/cli/world.ts";
import { localPassword, localPasswordFile, writePasswordFile } from "./local-password.ts";

const database = { isPostgres: true, port: 5432, databaseName: "or:ders", username: "read_only" };

describe("the local password", () => {
  it("is made once, for its owner's eyes, and is another for everybody", () => {
    using ada = testComputer();
    using linus = testComputer();

    const first = localPassword(ada.world).reveal();

    expect(first).toMatch(/^[\w-]{32}$/);
    expect(localPassword(ada.world).reveal()).toBe(first);
    expect(localPassword(linus.world).reveal()).not.toBe(first);
    expect(statSync(localPasswordFile(ada.world)).mode & 0o777).toBe(0o600);
  });

  it("is not used where others may read it, or where it is none", () => {
    using computer = testComputer();
    const file = localPasswordFile(computer.world);
    localPassword(computer.world);

    chmodSync(file, 0o644);
    expect(() => localPassword(computer.world)).toThrow(
      expect.objectContaining({ code: "LocalPasswordExposed", next: expect.stringContaining(`rm ${file}`) }),
    );
    chmodSync(file, 0o600);
    writeFileSync(file, "");
    expect(() => localPassword(computer.world)).toThrow(expect.objectContaining({ code: "LocalPasswordUnreadable" }));
  });

  it("is in libpq's password file once for each database, with the names escaped", () => {
    using computer = testComputer();
    const password = localPassword(computer.world);

    writePasswordFile({ ...database, port: 5433 }, password, computer.world);
    writePasswordFile(database, password, computer.world);
    const file = writePasswordFile(database, password, computer.world);

    const secret = password.reveal();
    expect(readFileSync(file, "utf8")).toBe(
      [5433, 5432].map((port) => `127.0.0.1:${port}:or\\:ders:read_only:${secret}\n`).join(""),
    );
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("is in an option file for MySQL's programs", () => {
    using computer = testComputer();
    const password = localPassword(computer.world);

    const file = writePasswordFile({ ...database, isPostgres: false }, password, computer.world);

    expect(readFileSync(file, "utf8")).toBe(`[client]\npassword=${password.reveal()}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});
