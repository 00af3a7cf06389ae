import { h } from "vue";
import { icon, patchable } from "energy-kit";

// data: {items: [{tone: high | hint, title, words, technical}], empty}
export default {
  mixins: [patchable],
  render() {
    const d = this.d;
    if (!d.items.length) return h("div", { class: "em-todo-empty em-quiet" }, [icon("task_alt"), h("span", d.empty)]);
    return h(
      "div",
      { class: "em-todo" },
      d.items.map((item, i) =>
        h("div", { key: i, class: "em-todo-item", "data-testid": "todo-item" }, [
          item.tone === "high" ? icon("error", "em-alarm") : icon("lightbulb", "em-quiet"),
          h("div", [h("b", item.title), h("p", item.words), item.technical ? h("code", { class: "em-mono em-todo-code" }, item.technical) : null]),
        ]),
      ),
    );
  },
};
