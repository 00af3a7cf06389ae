import { h } from "vue";
import { patchable } from "energy-kit";

// Days by hours as a table: darker is more. Each cell has its words, so nothing is told by colour alone.
// data: {hours: [text, ...], days: [{name, href, label, cells: [[level 0..6 | null, words, text], ...]}], label, scale: {low, high, none}}
// level null: nothing is known of that hour.
export default {
  mixins: [patchable],
  render() {
    const d = this.d;
    const cell = ([level, words, text], i) =>
      h("td", { key: i, class: ["em-heat-cell", level === null ? "em-heat-none" : `em-heat-${level}`], title: words }, [h("span", { class: "em-heat-text" }, text), h("span", { class: "em-visually-hidden" }, words)]);
    const day = (row) =>
      h("tr", { key: row.name }, [h("th", { scope: "row" }, [row.href ? h("a", { href: row.href, "aria-label": row.label }, row.name) : row.name]), ...row.cells.map(cell)]);
    const swatches = [0, 1, 2, 3, 4, 5, 6].map((n) => h("i", { key: n, class: ["em-heat-swatch", `em-heat-${n}`] }));
    return h("div", { class: "em-heat" }, [
      h("table", { "aria-label": d.label }, [
        h("thead", [h("tr", [h("td"), ...d.hours.map((text) => h("th", { scope: "col" }, text))])]),
        h("tbody", d.days.map(day)),
      ]),
      h("div", { class: "em-heat-scale", "aria-hidden": "true" }, [h("span", d.scale.low), ...swatches, h("span", d.scale.high), h("i", { class: "em-heat-swatch em-heat-none" }), h("span", d.scale.none)]),
    ]);
  },
};
