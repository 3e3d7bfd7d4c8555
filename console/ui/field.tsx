import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { Icon } from "./icon.tsx";

interface FieldProps {
  readonly label: string;
  readonly hint?: ComponentChildren;
  readonly problem?: string | undefined;
}

interface TextProps extends FieldProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly required?: boolean;
  /** In characters, as the control API takes it. */
  readonly maxLength: number;
}

/** Several lines of text. */
export function TextField({ label, hint, problem, value, onChange, required, maxLength }: TextProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        class="input"
        value={value}
        required={required}
        maxLength={maxLength}
        aria-invalid={problem === undefined ? undefined : "true"}
        aria-describedby={`${id}-about`}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      <About id={`${id}-about`} hint={hint} problem={problem} />
    </div>
  );
}

/** One line of text. */
export function LineField({ label, hint, problem, value, onChange, required, maxLength }: TextProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        class="input"
        type="text"
        value={value}
        required={required}
        maxLength={maxLength}
        autocomplete="off"
        aria-invalid={problem === undefined ? undefined : "true"}
        aria-describedby={`${id}-about`}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      <About id={`${id}-about`} hint={hint} problem={problem} />
    </div>
  );
}

/** A date and a time of day in this browser's zone, as `YYYY-MM-DDTHH:MM`. */
export function InstantField({ label, hint, problem, value, onChange }: Omit<TextProps, "maxLength" | "required">) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        class="input"
        type="datetime-local"
        value={value}
        required
        aria-invalid={problem === undefined ? undefined : "true"}
        aria-describedby={`${id}-about`}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      <About id={`${id}-about`} hint={hint} problem={problem} />
    </div>
  );
}

function About({ id, hint, problem }: { readonly id: string } & Omit<FieldProps, "label">) {
  return (
    <div id={id}>
      {problem === undefined ? null : <p class="field-problem">{problem}</p>}
      {hint === undefined ? null : <p class="hint">{hint}</p>}
    </div>
  );
}

/** One of a few values, as buttons. */
export function Choices({
  label,
  options,
  value,
  onChange,
  hint,
}: FieldProps & {
  readonly options: readonly { readonly value: string; readonly words: string }[];
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  const id = useId();
  return (
    <fieldset class="field" aria-describedby={hint === undefined ? undefined : `${id}-about`}>
      <legend>{label}</legend>
      <div class="choices">
        {options.map((option) => (
          <label key={option.value} class="choice">
            <input
              type="radio"
              name={id}
              value={option.value}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
            />
            <span>{option.words}</span>
          </label>
        ))}
      </div>
      {hint === undefined ? null : (
        <p id={`${id}-about`} class="hint">
          {hint}
        </p>
      )}
    </fieldset>
  );
}

/** Narrows a list while one types. `/` puts the cursor here. */
export function FilterField({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  return (
    <div class="search" role="search">
      <Icon name="search" />
      <input
        class="input"
        type="text"
        inputMode="search"
        autocomplete="off"
        spellcheck={false}
        maxLength={128}
        aria-label={label}
        placeholder={label}
        value={value}
        data-search
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      {value === "" ? <kbd aria-hidden="true">/</kbd> : null}
    </div>
  );
}
