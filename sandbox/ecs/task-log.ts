/** Characters kept of each task's output: enough for a failing start and the minutes before an end. */
export const logMaxCharacters = 1_000_000;

/** What the containers of a task have written to standard output and standard error, the newest part of it. */
export class TaskLog {
  #text = "";
  readonly #rest = new Map<string, string>();

  /** Adds output of one container's stream and gives the lines that it completes. */
  add(streamName: string, output: string): string[] {
    this.#text = (this.#text + output).slice(-logMaxCharacters);
    const lines = ((this.#rest.get(streamName) ?? "") + output).split("\n");
    const rest = lines.pop() ?? "";
    this.#rest.set(streamName, rest.slice(-logMaxCharacters));
    return lines;
  }

  /** All that is kept. */
  get text(): string {
    return this.#text;
  }
}
