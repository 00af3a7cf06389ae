import { h } from "vue";
import { patchable, polyPath, rich } from "energy-kit";

// data: {name, value, unit, over, known, note: parts, legend: {today, yesterday}, label,
//        curve: {today, yesterday: [[x %, y % | null], ...], gaps: [[x %, width %]], now: [x, y] | null, contract: {y, text} | null, ticks: [[x, text]]}}
// Everything is in per cent of the plot, so one drawing serves every size of screen.
const runs = (points) => {
  const found = [[]];
  for (const point of points) {
    if (point[1] === null) found.push([]);
    else found[found.length - 1].push(point);
  }
  return found.filter((run) => run.length);
};

const area = (run) => `${polyPath(run)}L${run[run.length - 1][0]} 100L${run[0][0]} 100Z`;
const line = (points, cls) => h("path", { d: polyPath(points), class: cls, "vector-effect": "non-scaling-stroke" });

// labels at the ends stay inside the plot
const tick = ([x, words], i, all) =>
  h("span", { key: x, class: "em-wall-tick", style: { left: `${x}%`, transform: `translateX(${i === 0 ? 0 : i === all.length - 1 ? -100 : -50}%)` } }, words);

function plot(c, label) {
  return h("div", { class: "em-wall-plot", role: "img", "aria-label": label }, [
    h("svg", { class: "em-wall-lines", width: "100%", height: "100%" }, c.gaps.map(([x, w]) => h("rect", { key: x, x: `${x}%`, y: 0, width: `${w}%`, height: "100%", fill: "url(#em-nodata)" }))),
    h("svg", { class: "em-wall-lines", viewBox: "0 0 100 100", preserveAspectRatio: "none" }, [
      ...runs(c.today).map((run, i) => h("path", { key: i, d: area(run), class: "em-wall-area" })),
      line(c.yesterday, "em-wall-yesterday"),
      line(c.today, "em-wall-today"),
    ]),
    c.contract ? h("div", { class: "em-wall-contract", style: { bottom: `${c.contract.y}%` } }, [h("span", c.contract.text)]) : null,
    c.now ? h("i", { class: "em-wall-now", style: { left: `${c.now[0]}%`, bottom: `${c.now[1]}%` } }) : null,
  ]);
}

export default {
  mixins: [patchable],
  render() {
    const d = this.d;
    return h("section", { class: ["em-wall-card em-wall-power", d.over && "em-wall-over", !d.known && "em-wall-stale"] }, [
      h("h2", d.name),
      h("div", { class: "em-wall-hero" }, [h("b", { "data-testid": "wall-kw" }, d.value), h("span", d.unit)]),
      h("div", { class: "em-wall-note", "data-testid": "wall-reserve" }, rich(d.note)),
      plot(d.curve, d.label),
      h("div", { class: "em-wall-ticks", "aria-hidden": "true" }, d.curve.ticks.map(tick)),
      h("div", { class: "em-wall-legend" }, [h("span", [h("i", { class: "em-wall-key" }), d.legend.today]), h("span", [h("i", { class: "em-wall-key em-wall-key-yesterday" }), d.legend.yesterday])]),
    ]);
  },
};
