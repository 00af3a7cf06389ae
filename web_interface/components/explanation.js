import { h } from "vue";
import { icon, patchable, stateMark, symbols } from "energy-kit";

// A figure opened, in blocks. Symbols may carry a subscript: "E_prod".
// data: {value, unit, hatched, name, window, note, formula_title, formula: {name, top, bottom, line, top_value, bottom_value, line_value, result}, filters: [words],
//        parts_title, parts: [[symbol, name, value]], spans_title, spans: [[state | "", letter, name, time, value]], more, gaps_title, gaps (as spans), no_gaps,
//        trust_title, trust: [[name, words]], raise_title, raise: [words], foot, api: {href, text}}
const fraction = (top, bottom) => h("span", { class: "em-fraction" }, [h("span", symbols(top)), h("span", symbols(bottom))]);

const spanRow = ([state, letter, name, time, value], i) =>
  h("div", { key: i, class: "em-explain-row" }, [
    h("span", { class: "em-explain-name" }, [state ? stateMark(state, letter) : null, name]),
    h("span", { class: "em-quiet" }, time),
    h("b", value),
  ]);

function formula(f) {
  const side = f.top ? fraction(f.top, f.bottom) : h("span", symbols(f.line));
  const numbers = f.top ? fraction(f.top_value, f.bottom_value) : h("span", f.line_value);
  return [h("span", symbols(f.name)), " = ", side, h("span", { class: "em-formula-numbers" }, [" = ", numbers, " = ", h("b", f.result)])];
}

const block = (title, rows) => (rows.length ? h("section", { class: "em-explain-block" }, [h("h3", title), ...rows]) : null);

export default {
  mixins: [patchable],
  render() {
    const d = this.d;
    return h("div", { class: "em-explain em-explanation" }, [
      h("div", { class: "em-explain-top" }, [
        h("b", { class: ["em-explain-value", d.hatched && "em-stale-value"], "data-testid": "explained-value" }, [d.value, d.unit ? h("small", d.unit) : null]),
        h("div", [h("b", d.name), h("span", { class: "em-quiet" }, d.window), d.note ? h("span", { class: "em-alarm" }, d.note) : null]),
      ]),
      h("section", { class: "em-explain-block em-sunk" }, [
        h("h3", d.formula_title),
        h("div", { class: "em-formula", "data-testid": "explained-formula" }, formula(d.formula)),
        ...d.filters.map((words) => h("span", { key: words, class: "em-explain-filter" }, words)),
      ]),
      block(
        d.parts_title,
        d.parts.map(([symbol, name, value]) =>
          h("div", { key: symbol, class: "em-explain-row" }, [h("span", symbols(symbol)), h("span", { class: "em-quiet" }, name), h("b", value)]),
        ),
      ),
      block(d.spans_title, [...d.spans.map(spanRow), ...(d.more ? [h("div", { class: "em-quiet em-explain-more" }, d.more)] : [])]),
      block(d.gaps_title, d.gaps.length ? d.gaps.map(spanRow) : [h("span", { class: "em-quiet" }, d.no_gaps)]),
      block(
        d.trust_title,
        d.trust.map(([name, words]) => h("div", { key: name, class: "em-explain-fact" }, [h("span", { class: "em-quiet" }, name), h("span", words)])),
      ),
      block(
        d.raise_title,
        d.raise.map((words) => h("div", { key: words, class: "em-explain-hint" }, [icon("lightbulb", "em-quiet"), h("span", words)])),
      ),
      h("footer", { class: "em-explain-foot em-quiet" }, [h("span", d.foot), h("a", { class: "em-link", href: d.api.href, target: "_blank", rel: "noopener", "data-testid": "explained-api" }, d.api.text)]),
    ]);
  },
};
