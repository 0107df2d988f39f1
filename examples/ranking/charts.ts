/**
 * Curves as SVG.
 */

export interface Series {
  readonly name: string;
  /** In the order of x. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

const WIDTH = 640;
const HEIGHT = 360;
const LEFT = 60;
const RIGHT = 150;
const TOP = 40;
const BOTTOM = 45;
/** Okabe and Ito's, which colour-blind people can tell apart. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];

/** Lines over one pair of axes. */
export function lineChart(
  series: readonly Series[],
  { title, x, y }: { readonly title: string; readonly x: string; readonly y: string },
): string {
  const all = series.flatMap(({ points }) => points);
  if (all.length === 0) throw new Error(`Expected points for the chart "${title}" but received none`);
  const across = scale(
    all.map(([each]) => each),
    [LEFT, WIDTH - RIGHT],
  );
  const up = scale(
    all.map(([, each]) => each),
    [HEIGHT - BOTTOM, TOP],
  );
  const lines = series.map(({ points }, i) => {
    const path = points.map(([px, py]) => `${across.at(px).toFixed(1)},${up.at(py).toFixed(1)}`).join(' ');
    return `<polyline fill="none" stroke-width="2" stroke="${colour(i)}" points="${path}"/>`;
  });
  const legend = series.map(({ name }, i) => {
    const top = TOP + 18 * i;
    const line = `<line x1="${WIDTH - RIGHT + 12}" x2="${WIDTH - RIGHT + 32}" y1="${top}" y2="${top}" stroke="${colour(i)}" stroke-width="2"/>`;
    return line + text(WIDTH - RIGHT + 38, top + 4, name);
  });
  const ticks = [
    ...across.ticks.map(
      (value) =>
        grid([across.at(value), TOP], [across.at(value), HEIGHT - BOTTOM]) +
        text(across.at(value), HEIGHT - BOTTOM + 16, label(value), 'middle'),
    ),
    ...up.ticks.map(
      (value) =>
        grid([LEFT, up.at(value)], [WIDTH - RIGHT, up.at(value)]) +
        text(LEFT - 6, up.at(value) + 4, label(value), 'end'),
    ),
  ];
  const middle = (LEFT + WIDTH - RIGHT) / 2;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    text(middle, 22, title, 'middle'),
    ...ticks,
    ...lines,
    ...legend,
    text(middle, HEIGHT - 8, x, 'middle'),
    `<g transform="translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)">${text(0, 0, y, 'middle')}</g>`,
    '</svg>\n',
  ].join('\n');
}

/** From values to places, over a range that ends at round numbers. */
function scale(values: readonly number[], [from, to]: readonly [number, number]) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const spread = most > least ? most - least : 1;
  const rough = spread / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (rough / power < 1.5 ? 1 : rough / power < 3.5 ? 2 : rough / power < 7.5 ? 5 : 10);
  const first = Math.floor(least / step);
  const last = Math.ceil((least + spread) / step);
  const at = (value: number) => from + ((value / step - first) / (last - first)) * (to - from);
  return { at, ticks: Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step) };
}

const colour = (i: number) => COLOURS[i % COLOURS.length]!;
const label = (value: number) => String(Number(value.toPrecision(6)));

function grid([x1, y1]: readonly [number, number], [x2, y2]: readonly [number, number]): string {
  return `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="#ddd"/>`;
}

function text(x: number, y: number, content: string, anchor = 'start'): string {
  const escaped = content.replace(/[&<>]/g, (each) => `&#${each.charCodeAt(0)};`);
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escaped}</text>`;
}
