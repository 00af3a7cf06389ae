import { h } from "vue";
import { alarmMark, icon, patchable, stateMark } from "energy-kit";

// One row a state on a shared time axis, totals at the right.
// data: {rows: [{state, letter, name, bars: [[from %, width %, title]], totals: [text, ...]}], heads: [text, ...], ticks: [[%, label]], now: % | null, sum: {name, totals} | null,
// sub: {name, bars: [[from %, width %, title, kind]], legend: [{kind, name, time, share}]} | null, marks: [{x: %, kind: a priority | note, letter, title}], marks_name,
// programs: {name, bars: [[from %, width %, title, label, shade]], legend: [{shade, name, words}]} | null}
// Where the bars begin and end is told to the parent as --axis-left and --axis-right, so that a chart above shares the axis.
const bar = ([x, w, title], state, i) => {
  const at = { key: i, x: `${x}%`, width: `${Math.max(w, 0.2)}%` };
  const tip = h("title", title);
  if (state === "alarm") return h("rect", { ...at, y: 3, height: 18, fill: "var(--st-alarm-bg)", stroke: "var(--st-alarm)", "stroke-width": 2 }, [tip]);
  if (state === "off") return h("rect", { ...at, y: 3, height: 18, fill: "none", stroke: "var(--st-off)", "stroke-width": 1.5 }, [tip]);
  return h("rect", { ...at, y: 2, height: 20, fill: { production: "var(--st-production)", idle: "url(#em-idle)" }[state] || "url(#em-nodata)" }, [tip]);
};

const finer = ([x, w, title, kind], i) =>
  h("rect", { key: i, x: `${x}%`, width: `${Math.max(w, 0.2)}%`, y: 1, height: 12, fill: `url(#em-sub-${kind})`, stroke: "var(--st-idle)", "stroke-width": 1, "data-kind": kind }, [h("title", title)]);
const swatch = (kind) => h("svg", { class: "em-sub-swatch", width: 18, height: 12, "aria-hidden": "true" }, [h("rect", { width: 18, height: 12, fill: `url(#em-sub-${kind})`, stroke: "var(--st-idle)" })]);

export default {
  mixins: [patchable],
  mounted() {
    this.sizes = new ResizeObserver(() => this.tell());
    this.sizes.observe(this.$el);
    this.tell();
  },
  updated() {
    this.tell();
  },
  beforeUnmount() {
    this.sizes?.disconnect();
  },
  methods: {
    tell() {
      const [bars, parent] = [this.$el.querySelector(".em-gantt-bars"), this.$el.parentElement];
      if (!bars || !parent) return;
      const [own, all] = [bars.getBoundingClientRect(), this.$el.getBoundingClientRect()];
      parent.style.setProperty("--axis-left", `${Math.round(own.left - all.left)}px`);
      parent.style.setProperty("--axis-right", `${Math.round(all.right - own.right)}px`);
    },
    marks(d) {
      if (!(d.marks || []).length) return null;
      const one = (m, i) => h("span", { key: i, class: "em-gantt-mark", role: "img", "aria-label": m.title, title: m.title, style: { left: `${m.x}%` }, "data-kind": m.kind }, [m.kind === "note" ? icon("sticky_note_2") : alarmMark(m.kind, m.letter)]);
      return h("div", { class: "em-gantt-row em-gantt-marks", "data-testid": "gantt-marks" }, [h("span", { class: "em-gantt-name em-quiet" }, d.marks_name), h("div", { class: "em-gantt-markline" }, d.marks.map(one))]);
    },
    finer(d, grid, now) {
      if (!d.sub) return [];
      const legend = d.sub.legend.map((l) => h("span", { key: l.kind, class: "em-sub-item", "data-testid": `sub-${l.kind}` }, [swatch(l.kind), `${l.name} `, h("b", l.time), ` ${l.share}`]));
      return [
        h("div", { key: "sub", class: "em-gantt-row em-gantt-sub", "data-testid": "gantt-sub" }, [
          h("span", { class: "em-gantt-name em-quiet" }, d.sub.name),
          h("svg", { class: "em-gantt-bars", width: "100%", height: 14 }, [h("rect", { width: "100%", height: 14, fill: "var(--sunk)" }), ...grid(), ...d.sub.bars.map(finer), now()]),
        ]),
        h("div", { key: "sub-legend", class: "em-sub-legend" }, legend),
      ];
    },
    programs(d) {
      const lane = d.programs;
      if (!lane) return [];
      const one = ([x, w, title, label, shade], i) => h("span", { key: i, class: `em-prog em-prog-${shade}`, style: { left: `${x}%`, width: `${Math.max(w, 0.2)}%` }, role: "img", "aria-label": title, title }, label);
      return [
        h("div", { key: "programs", class: "em-gantt-row em-gantt-programs", "data-testid": "gantt-programs" }, [h("span", { class: "em-gantt-name em-quiet" }, lane.name), h("div", { class: "em-prog-lane" }, lane.bars.map(one))]),
        h("ul", { key: "programs-legend", class: "em-prog-legend", "data-testid": "gantt-programs-totals" }, lane.legend.map((l, i) => h("li", { key: i }, [h("span", { class: `em-prog-swatch em-prog-${l.shade}`, "aria-hidden": "true" }), h("b", l.name), h("span", l.words)]))),
      ];
    },
  },
  render() {
    const d = this.d;
    const grid = () => (d.ticks || []).map(([x]) => h("line", { x1: `${x}%`, x2: `${x}%`, y1: 0, y2: 24, class: "em-gantt-grid" }));
    const now = () => d.now === null || d.now === undefined ? null : h("line", { x1: `${d.now}%`, x2: `${d.now}%`, y1: 0, y2: 24, class: "em-gantt-now" });
    const totals = (list, strong) => (list || []).map((words, i) => h("span", { key: i, class: ["em-gantt-total", strong && "em-b"] }, words));
    return h("div", { class: "em-gantt", style: { "--totals": (d.heads || []).length } }, [
      this.marks(d),
      h("div", { class: "em-gantt-row em-gantt-head" }, [h("span"), h("span", { class: "em-gantt-gap" }), ...totals(d.heads)]),
      ...d.rows.map((r) =>
        h("div", { key: r.state, class: "em-gantt-row", "data-testid": `gantt-${r.state}` }, [
          h("span", { class: "em-gantt-name" }, [stateMark(r.state, r.letter), r.name]),
          h("svg", { class: "em-gantt-bars", width: "100%", height: 24 }, [
            h("rect", { width: "100%", height: 24, fill: "var(--sunk)" }),
            ...grid(),
            ...r.bars.map((b, i) => bar(b, r.state, i)),
            now(),
          ]),
          ...totals(r.totals),
        ]),
      ),
      ...this.finer(d, grid, now),
      ...this.programs(d),
      d.sum ? h("div", { class: "em-gantt-row em-gantt-sum" }, [h("span", { class: "em-gantt-name em-b" }, d.sum.name), h("span", { class: "em-gantt-gap" }), ...totals(d.sum.totals, true)]) : null,
      h("div", { class: "em-gantt-row em-gantt-axis" }, [h("span"), h("div", { class: "em-gantt-ticks" }, (d.ticks || []).map(([x, label]) => h("span", { style: { left: `${x}%` } }, label)))]),
    ]);
  },
};
