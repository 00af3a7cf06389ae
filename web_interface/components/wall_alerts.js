import { h } from "vue";
import { alarmMark, icon, patchable, rich, turns } from "energy-kit";

// data: {title, rows: [{key, priority, letter, prioName, name, when, text, open, returned}], counts: [[priority, letter, name, n]], empty}
// Rows come with the most urgent first: it stays, the others take turns below it.
const row = (r) =>
  h("li", { key: r.key, class: ["em-wall-alert", r.open && "em-wall-alert-open", r.returned && "em-wall-alert-returned", `em-wall-alert-${r.priority}`], "data-testid": "wall-alert" }, [
    h("span", { class: r.open && !r.returned && r.priority === "critical" ? "em-blink" : "", title: r.prioName }, alarmMark(r.priority, r.letter)),
    h("div", { class: "em-wall-alert-words" }, [h("div", { class: "em-wall-alert-name" }, [h("b", r.name), h("span", r.when)]), h("div", { class: "em-wall-alert-text" }, rich(r.text))]),
  ]);

export default {
  mixins: [patchable, turns],
  render() {
    const { title, rows, counts, empty } = this.d;
    const rest = rows.slice(1);
    const shown = rest.length ? [rows[0], rest[this.turn % rest.length]] : rows;
    return h("section", { class: ["em-wall-card em-wall-alerts", rows.length && rows[0].open && rows[0].priority === "critical" && "em-wall-alerts-critical"] }, [
      h("header", [
        h("h2", title),
        ...counts.filter(([, , , n]) => n).map(([priority, letter, name, n]) => h("span", { key: priority, class: "em-wall-count", title: name }, [alarmMark(priority, letter), h("b", n)])),
      ]),
      rows.length ? h("ul", shown.map(row)) : h("p", { class: "em-wall-calm" }, [icon("task_alt"), empty]),
    ]);
  },
};
