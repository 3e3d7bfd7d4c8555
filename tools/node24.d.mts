/** Folder for what is downloaded or built once per version. */
export function cacheDirectory(): string;
/** npm as it was started (inside `npm run`), else npm on PATH. */
export function npmCommand(): { file: string; args: string[] };
/** The folder that holds a Node binary of version 24 or newer, brought from npm if need be. */
export function ensureNode24(report: (text: string) => void): string;
