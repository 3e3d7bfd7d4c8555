import uPlot from "uplot";
import type { Statistics } from "#wire/statistics.ts";

/** A drawing in a page. */
export interface Plot {
  show(statistics: Statistics): void;
  stop(): void;
}

const heightPixels = 180;

/** Draws statements and errors over time into an element, in the page's colours, and again when its width or the theme changes. */
export function startPlot(place: HTMLElement, first: Statistics): Plot {
  const plotted = { statistics: first };
  let plot = draw(place, plotted);
  const redraw = (): void => {
    plot.destroy();
    plot = draw(place, plotted);
  };
  const resized = new ResizeObserver(() => {
    if (place.clientWidth > 0 && place.clientWidth !== plot.width) {
      plot.setSize({ width: place.clientWidth, height: heightPixels });
    }
  });
  resized.observe(place);
  const themed = new MutationObserver(redraw);
  themed.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", redraw);
  return {
    show(next) {
      plotted.statistics = next;
      plot.setData(dataOf(next));
    },
    stop() {
      resized.disconnect();
      themed.disconnect();
      dark.removeEventListener("change", redraw);
      plot.destroy();
    },
  };
}

function draw(place: HTMLElement, plotted: { readonly statistics: Statistics }): uPlot {
  const style = getComputedStyle(place);
  const colour = (name: string): string => colourOf(place, name);
  const bars = uPlot.paths.bars?.({ size: [0.8, 40], align: 1 });
  const series = (label: string, stroke: string, fill: string): uPlot.Series => ({
    label,
    stroke,
    fill,
    width: 1,
    points: { show: false },
    ...(bars === undefined ? {} : { paths: bars }),
  });
  const axis: uPlot.Axis = {
    stroke: colour("--chart-text"),
    grid: { stroke: colour("--chart-grid"), width: 1 },
    ticks: { stroke: colour("--chart-grid"), width: 1, size: 4 },
    font: `11px ${style.fontFamily}`,
  };
  return new uPlot(
    {
      width: Math.max(200, place.clientWidth),
      height: heightPixels,
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      legend: { show: false },
      scales: {
        x: { range: () => rangeOf(plotted.statistics) },
        y: { range: (_plot, _min, max) => [0, Math.max(5, Math.ceil((max || 0) * 1.1))] },
      },
      axes: [
        { ...axis, values: (_plot, splits) => splits.map(momentText) },
        { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000, 10_000, 50_000] },
      ],
      series: [
        {},
        series("Statements", colour("--chart-statements"), colour("--chart-statements-fill")),
        series("Errors", colour("--chart-errors"), colour("--chart-errors")),
      ],
    },
    dataOf(plotted.statistics),
    place,
  );
}

/** A colour of the theme as a canvas takes it: variables may hold formulas, which only a property resolves. */
function colourOf(place: HTMLElement, name: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Seconds since 1970, statements, errors: as uPlot takes them. */
function dataOf({ since, bucketSeconds, buckets }: Statistics): uPlot.AlignedData {
  const start = Date.parse(since) / 1_000;
  return [
    buckets.map((_, index) => start + index * bucketSeconds),
    buckets.map(({ statements }) => barOf(statements)),
    buckets.map(({ errors }) => barOf(errors)),
  ];
}

/** No bar at all where there is nothing: one of no height is a line. */
function barOf(count: number): number | null {
  return count === 0 ? null : count;
}

function rangeOf({ since, bucketSeconds, buckets }: Statistics): [number, number] {
  const start = Date.parse(since) / 1_000;
  return [start, start + buckets.length * bucketSeconds];
}

/** `14:30`, and the day at midnight. */
function momentText(seconds: number): string {
  const at = new Date(seconds * 1_000);
  const two = (part: number): string => String(part).padStart(2, "0");
  const isMidnight = at.getHours() === 0 && at.getMinutes() === 0;
  return isMidnight
    ? `${two(at.getMonth() + 1)}-${two(at.getDate())}`
    : `${two(at.getHours())}:${two(at.getMinutes())}`;
}
