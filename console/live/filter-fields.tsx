import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { StatementFilter } from "./filter.ts";
import { outcomes } from "./outcome.ts";

/** The fields that every list of statements can be narrowed by. `children`: further ones. */
export function FilterFields<T extends StatementFilter>({
  filter,
  onChange,
  children,
}: {
  readonly filter: T;
  readonly onChange: (filter: T) => void;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="filters">
      <TextField
        label="Text"
        type="search"
        value={filter.text}
        placeholder="part of the SQL"
        onChange={(text) => onChange({ ...filter, text })}
      />
      <SelectField
        label="Outcome"
        value={filter.outcome}
        options={[["", "any"], ...outcomes]}
        onChange={(outcome) => onChange({ ...filter, outcome })}
      />
      <TextField
        label="Took at least (ms)"
        type="number"
        value={filter.minDurationMs}
        onChange={(minDurationMs) => onChange({ ...filter, minDurationMs })}
      />
      <TextField
        label="Rows at least"
        type="number"
        value={filter.minRows}
        onChange={(minRows) => onChange({ ...filter, minRows })}
      />
      {children}
    </div>
  );
}

/** A line of text with its name above it. */
export function TextField({
  label,
  type = "text",
  value,
  placeholder,
  onChange,
}: {
  readonly label: string;
  readonly type?: "text" | "search" | "number" | "datetime-local";
  readonly value: string;
  readonly placeholder?: string;
  readonly onChange: (value: string) => void;
}) {
  const id = useId();
  return (
    <div class={type === "datetime-local" ? "filter-field of-time" : "filter-field"}>
      <label for={id}>{label}</label>
      <input
        id={id}
        class="input"
        // The types know each kind of field apart; ours are all of the same use.
        type={type as "text"}
        value={value}
        {...(placeholder === undefined ? {} : { placeholder })}
        {...(type === "number" ? { min: 0 } : {})}
        {...(type === "datetime-local" ? { step: 1 } : {})}
        autoComplete="off"
        spellcheck={false}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    </div>
  );
}

/** One of a few values. */
export function SelectField({
  label,
  value,
  options,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, text: string])[];
  readonly onChange: (value: string) => void;
}) {
  const id = useId();
  return (
    <div class="filter-field">
      <label for={id}>{label}</label>
      <select id={id} class="input" value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}
