import { readTheme, showTheme } from "./ui/theme.ts";

// Runs before the first paint, so that a dark page does not begin white.
showTheme(readTheme());
