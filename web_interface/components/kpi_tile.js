import { h } from "vue";
import { icon, patchable, rich, spark, stateMark } from "energy-kit";

// data: {name, help, value, unit, full, bar: {fill, target, from, to, tone}, spark: {points, target},
//        states: [[state, letter, name, count]], cells: [[state, name]], note: parts, stale: text}
const bar = (b) =>
  h("svg", { class: "em-bar", width: "100%", height: 12, "aria-hidden": "true" }, [
    h("rect", { class: "em-bar-well", x: 0.5, y: 2.5, width: "99.6%", height: 7, rx: 3 }),
    h("rect", { x: 0, y: 2, width: `${b.fill}%`, height: 8, rx: 3, fill: b.tone === "quiet" ? "var(--text2)" : b.tone === "over" ? "var(--alarm)" : "var(--s1)" }),
    b.to > b.from ? h("rect", { x: `${b.from}%`, y: 2, width: `${b.to - b.from}%`, height: 8, fill: "url(#em-forecast)" }) : null,
    b.target !== null && b.target !== undefined ? h("rect", { x: `${b.target}%`, y: 0, width: 2, height: 12, fill: "var(--text)" }) : null,
  ]);

const cell = ([state, name], i, all) =>
  h("svg", { key: i, class: "em-cell", viewBox: "0 0 12 8", preserveAspectRatio: "none", style: { width: `${100 / all.length}%` } }, [
    h("title", name),
    state === "off"
      ? h("rect", { x: 0, y: 6.5, width: 12, height: 1.5, fill: "var(--st-off)" })
      : h("rect", {
          x: state === "alarm" ? 0.6 : 0,
          y: state === "alarm" ? 0.6 : 0,
          width: state === "alarm" ? 10.8 : 12,
          height: state === "alarm" ? 6.8 : 8,
          fill: { production: "var(--st-production)", idle: "url(#em-idle)", alarm: "none" }[state] || "url(#em-nodata)",
          stroke: state === "alarm" ? "var(--st-alarm)" : "none",
          "stroke-width": 1.2,
        }),
  ]);

export default {
  mixins: [patchable],
  render() {
    const d = this.d;
    const middle = d.bar ? bar(d.bar) : d.spark ? spark(d.spark.points, "em-tile-spark", d.spark.target) : d.cells ? h("div", { class: "em-cells" }, d.cells.map(cell)) : null;
    const value = d.states
      ? h(
          "div",
          { class: ["em-tile-states", d.states.map((s) => s[3]).join("").length > 7 && "em-many"] },
          d.states.map(([state, letter, name, count]) =>
            h("span", { key: state, class: "em-count", title: name, "data-testid": `count-${state}` }, [stateMark(state, letter), h("b", count)]),
          ),
        )
      : h("div", { class: "em-tile-value", title: d.full || undefined }, [
          h("span", { class: "em-figure", "data-testid": "value" }, d.value),
          d.unit ? h("span", { class: "em-unit" }, d.unit) : null,
          d.aside ? h("span", { class: "em-tile-aside" }, rich(d.aside)) : null,
        ]);
    return h("section", { class: ["em-card em-tile", d.stale && "em-stale", d.states && "em-tile-of-states"] }, [
      h("div", { class: "em-tile-name" }, [
        d.name,
        d.stale ? stateMark("no_data", d.letter || "", "em-mark em-mark-small") : null,
        d.help ? h("span", { class: "em-help", title: d.help, tabindex: 0, role: "img", "aria-label": d.help }, icon("help_outline")) : null,
      ]),
      value,
      h("div", { class: "em-tile-middle" }, middle ? [middle] : []),
      h("div", { class: "em-tile-note", "data-testid": "note" }, rich(d.stale || d.note)),
    ]);
  },
};
