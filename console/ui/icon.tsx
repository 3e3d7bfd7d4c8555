/** Outlines on a 16 by 16 grid, drawn for this console. */
const paths = {
  database:
    "M2.5 4c0-1.1 2.5-2 5.5-2s5.5.9 5.5 2-2.5 2-5.5 2-5.5-.9-5.5-2Zm0 0v8c0 1.1 2.5 2 5.5 2s5.5-.9 5.5-2V4m-11 4c0 1.1 2.5 2 5.5 2s5.5-.9 5.5-2",
  requests: "M3 2.5h10v11H3zM5.5 6h5M5.5 8.5h5M5.5 11h3",
  review: "M2.5 8.5 6 12l7.5-8",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.6-1.4L14 14",
  fleet: "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6Zm0-9.5V3m0 10v1.5M1.5 8H3m10 0h1.5M3.4 3.4l1 1m7.2 7.2 1 1m0-9.2-1 1m-7.2 7.2-1 1",
  moon: "M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7Z",
  screen: "M2 3h12v8H2zM6 14h4M8 11v3",
  keyboard: "M1.5 4h13v8h-13zM4 6.5h.01M6.5 6.5h.01M9 6.5h.01M11.5 6.5h.01M5 9.5h6",
  out: "M6.5 2.5h-4v11h4M10 5l3 3-3 3m3-3H6",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  check: "M3 8.5 6.5 12 13 4.5",
  cross: "M4 4l8 8m0-8-8 8",
  warning: "M8 2 1.5 13.5h13L8 2Zm0 4.5v3m0 2h.01",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Zm0-9v3l2 1.5",
  lock: "M3.5 7h9v6.5h-9zM5.5 7V5a2.5 2.5 0 0 1 5 0v2",
  bolt: "M9 1.5 3.5 9H8l-1 5.5L12.5 7H8l1-5.5Z",
  plus: "M8 3v10M3 8h10",
  right: "M6 3.5 10.5 8 6 12.5",
  left: "M10 3.5 5.5 8l4.5 4.5",
  play: "M5 3.5v9L12 8z",
  pause: "M5.5 3.5v9m5-9v9",
  dot: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z",
  eye: "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8Zm6.5 2a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z",
  stop: "M4 4h8v8H4z",
  terminal: "M1.5 3h13v10h-13zM4 6l2 2-2 2m3.5 0H11",
} as const;

export type IconName = keyof typeof paths;

/** A picture beside words that say the same: hidden from screen readers. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}

/** The product's mark: a gate whose door is shut while the other stands open. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false">
      <path class="mark-wall" d="M3 22V4h4v3h3V4h4v3h3V4h4v18z" />
      <path class="mark-door" d="M8 22v-6a4 4 0 0 1 8 0v6z" />
    </svg>
  );
}
