import { useState } from "preact/hooks";
import { Button } from "./button.tsx";
import type { IconName } from "./icon.tsx";
import { keepTheme, readTheme, type Theme, themes } from "./theme.ts";

const icons: Readonly<Record<Theme, IconName>> = { system: "screen", light: "sun", dark: "moon" };
const names: Readonly<Record<Theme, string>> = { system: "as the system", light: "light", dark: "dark" };

/** Goes from one theme to the next. */
export function ThemeButton() {
  const [theme, setTheme] = useState(readTheme);
  const next = themes[(themes.indexOf(theme) + 1) % themes.length] ?? "system";
  const change = (): void => {
    keepTheme(next);
    setTheme(next);
  };
  return (
    <Button
      kind="quiet"
      icon={icons[theme]}
      label={`Theme: ${names[theme]}. Change to ${names[next]}`}
      onPress={change}
    />
  );
}
