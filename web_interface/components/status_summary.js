import { h } from "vue";
import { icon, patchable } from "energy-kit";

// data: {good, head, words, figures: [[value, words], ...]}
export default {
  mixins: [patchable],
  render() {
    const d = this.d;
    return h("section", { class: "em-card em-summary" }, [
      h("div", { class: "em-summary-head" }, [
        icon(d.good ? "task_alt" : "error", `em-summary-icon ${d.good ? "em-good" : "em-alarm"}`),
        h("div", [h("b", { class: "em-summary-title", "data-testid": "status-verdict" }, d.head), h("span", { class: "em-summary-words" }, d.words)]),
      ]),
      h("div", { class: "em-summary-figures" }, d.figures.map(([value, words], i) => h("div", { key: i, class: "em-summary-figure" }, [h("b", value), h("span", words)]))),
    ]);
  },
};
