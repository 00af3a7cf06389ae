import { h } from "vue";
import { patchable, stateMark } from "energy-kit";

// One row a state on a shared time axis, totals at the right.
// data: {rows: [{state, letter, name, bars: [[from %, width %, title]], totals: [text, ...]}], heads: [text, ...], ticks: [[%, label]], now: % | null, sum: {name, totals} | null}
const bar = ([x, w, title], state, i) => {
  const at = { key: i, x: `${x}%`, width: `${Math.max(w, 0.2)}%` };
  const tip = h("title", title);
  if (state === "alarm") return h("rect", { ...at, y: 3, height: 18, fill: "var(--st-alarm-bg)", stroke: "var(--st-alarm)", "stroke-width": 2 }, [tip]);
  if (state === "off") return h("rect", { ...at, y: 3, height: 18, fill: "none", stroke: "var(--st-off)", "stroke-width": 1.5 }, [tip]);
  return h("rect", { ...at, y: 2, height: 20, fill: { production: "var(--st-production)", idle: "url(#em-idle)" }[state] || "url(#em-nodata)" }, [tip]);
};

export default {
  mixins: [patchable],
  render() {
    const d = this.d;
    const grid = () => (d.ticks || []).map(([x]) => h("line", { x1: `${x}%`, x2: `${x}%`, y1: 0, y2: 24, class: "em-gantt-grid" }));
    const now = d.now === null || d.now === undefined ? null : h("line", { x1: `${d.now}%`, x2: `${d.now}%`, y1: 0, y2: 24, class: "em-gantt-now" });
    const totals = (list, strong) => (list || []).map((words, i) => h("span", { key: i, class: ["em-gantt-total", strong && "em-b"] }, words));
    return h("div", { class: "em-gantt", style: { "--totals": (d.heads || []).length } }, [
      h("div", { class: "em-gantt-row em-gantt-head" }, [h("span"), h("span"), ...totals(d.heads)]),
      ...d.rows.map((r) =>
        h("div", { key: r.state, class: "em-gantt-row", "data-testid": `gantt-${r.state}` }, [
          h("span", { class: "em-gantt-name" }, [stateMark(r.state, r.letter), r.name]),
          h("svg", { class: "em-gantt-bars", width: "100%", height: 24 }, [
            h("rect", { width: "100%", height: 24, fill: "var(--sunk)" }),
            ...grid(),
            ...r.bars.map((b, i) => bar(b, r.state, i)),
            now,
          ]),
          ...totals(r.totals),
        ]),
      ),
      d.sum ? h("div", { class: "em-gantt-row em-gantt-sum" }, [h("span", { class: "em-gantt-name em-b" }, d.sum.name), h("span"), ...totals(d.sum.totals, true)]) : null,
      h("div", { class: "em-gantt-row em-gantt-axis" }, [h("span"), h("div", { class: "em-gantt-ticks" }, (d.ticks || []).map(([x, label]) => h("span", { style: { left: `${x}%` } }, label)))]),
    ]);
  },
};
