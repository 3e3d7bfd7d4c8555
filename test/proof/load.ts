import pg from "pg";
import { RawClient, say } from "#proxy/testing/raw-client.ts";

/** Where the load goes. */
export interface LoadTarget {
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

/**
 * Several clients that run statements which occur only once, until each has lost its connection: texts, values, prepared statements and
 * pipelines. `onAnswered` hears of each answer.
 */
export async function runLoad(target: LoadTarget, run: string, onAnswered: () => void): Promise<void> {
  await Promise.all([
    ...[1, 2, 3].map((client) => oneByOne(target, `${run}.${client}`, onAnswered)),
    ...[4, 5].map((client) => inPipelines(target, `${run}.${client}`, onAnswered)),
  ]);
}

async function oneByOne(target: LoadTarget, name: string, onAnswered: () => void): Promise<void> {
  const client = new pg.Client({ host: "127.0.0.1", ...target, ssl: false });
  client.on("error", () => {});
  await client.connect();
  for (let number = 1; ; number += 1) {
    const id = `${name}.${number}`;
    const values = [id];
    const query =
      number % 3 === 0
        ? { text: `insert into done values ('${id}')` }
        : { text: "insert into done values ($1)", values, ...(number % 3 === 1 ? { name: "insert" } : {}) };
    const failure = await client.query(query).then(onAnswered, (error: Error) => error);
    if (failure instanceof Error) {
      return;
    }
  }
}

async function inPipelines(target: LoadTarget, name: string, onAnswered: () => void): Promise<void> {
  const { port, user, database } = target;
  const client = await RawClient.start(port, { user, database });
  for (let number = 1; !client.closed; number += 1) {
    const messages = [1, 2, 3, 4].flatMap((part) => {
      const parse = say.parse("", "insert into done values ($1)");
      return [parse, say.bind("", "", [`${name}.${number}.${part}`]), say.execute()];
    });
    client.send(...messages, say.sync());
    await client.until("Z").then(onAnswered, () => {});
  }
}
