/** Loaded before a program: its wall clock is `CLOCK_AHEAD_MS` ahead of the machine's, wherever it asks for the time. */
export const aheadMs = Number(process.env["CLOCK_AHEAD_MS"]);
const RealDate = Date;

class WrongDate extends RealDate {
  constructor(...given: [] | [value: number | string | Date]) {
    super(...((given.length === 0 ? [RealDate.now() + aheadMs] : given) as [number]));
  }

  static override now(): number {
    return RealDate.now() + aheadMs;
  }
}

globalThis.Date = new Proxy(WrongDate, {
  construct: (target, given: ConstructorParameters<typeof Date>) =>
    given.length > 1 ? new RealDate(...given) : (Reflect.construct(target, given) as Date),
  apply: () => new WrongDate().toString(),
}) as unknown as DateConstructor;
