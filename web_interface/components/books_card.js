import { h } from "vue";
import { patchable } from "energy-kit";

// data: {read, words, since, rows: [{name, value, share %, colour}], reasons}
export default {
  mixins: [patchable],
  render() {
    const d = this.d;
    return h("div", { class: "em-books" }, [
      h("div", { class: "em-books-read" }, [h("b", { "data-testid": "books-read" }, d.read), h("span", d.words), h("span", { class: "em-quiet em-books-since" }, d.since)]),
      h("div", { class: "em-books-bar" }, d.rows.map((r) => h("i", { key: r.name, style: { width: `${r.share}%`, background: `var(--${r.colour})` } }))),
      ...d.rows.map((r) => h("div", { key: r.name, class: "em-books-row" }, [h("i", { style: { background: `var(--${r.colour})` } }), h("span", r.name), h("b", r.value)])),
      h("div", { class: "em-books-reasons em-quiet" }, d.reasons),
    ]);
  },
};
