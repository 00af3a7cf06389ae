import { h } from "vue";
import { icon, patchable, stateMark, symbols } from "energy-kit";

// Where a number comes from, in blocks.
// data: {value, hatched, delta: {text, tone} | null, formula: {name, top, bottom, top_value, bottom_value, result}, parts_title, parts: [{state, letter, name, time, kwh}], sum: {name, time, kwh},
//        trust_title, trust: [[name, words]], hint: text, hours_title, hours: [{label, value, height %, running, known}], target: % | null, foot}
const fraction = (top, bottom) => h("span", { class: "em-fraction" }, [h("span", symbols(top)), h("span", symbols(bottom))]);

export default {
  mixins: [patchable],
  render() {
    const d = this.d;
    const f = d.formula;
    return h("div", { class: "em-explain" }, [
      h("div", { class: "em-explain-top" }, [
        h("b", { class: ["em-explain-value", d.hatched && "em-stale-value"], "data-testid": "kef-value" }, d.value),
        h("div", [d.delta ? h("b", { class: `em-${d.delta.tone}` }, d.delta.text) : null, h("span", { class: "em-quiet" }, d.note || "")]),
      ]),
      h("section", { class: "em-explain-block em-sunk" }, [
        h("h3", d.formula_title),
        h("div", { class: "em-formula", "data-testid": "kef-formula" }, [f.name, " = ", fraction(f.top, f.bottom), " = ", fraction(f.top_value, f.bottom_value), " = ", h("b", f.result)]),
      ]),
      h("section", { class: "em-explain-block" }, [
        h("h3", d.parts_title),
        ...d.parts.map((p) => h("div", { key: p.state, class: "em-explain-row", "data-testid": `part-${p.state}` }, [h("span", { class: "em-explain-name" }, [stateMark(p.state, p.letter), p.name]), h("span", { class: "em-quiet" }, p.time), h("b", p.kwh)])),
        h("div", { class: "em-explain-row em-explain-sum" }, [h("b", d.sum.name), h("span", { class: "em-quiet" }, d.sum.time), h("b", d.sum.kwh)]),
      ]),
      h("section", { class: "em-explain-block" }, [h("h3", d.trust_title), ...d.trust.map(([name, words]) => h("div", { key: name, class: "em-explain-fact" }, [h("span", { class: "em-quiet" }, name), h("span", words)]))]),
      d.hint ? h("section", { class: "em-explain-block em-explain-hint" }, [icon("lightbulb", "em-quiet"), h("span", d.hint)]) : null,
      (d.hours || []).length
        ? h("section", { class: "em-explain-block", "data-testid": "kef-hours" }, [
            h("h3", d.hours_title),
            h("div", { class: "em-hours" }, [
              ...d.hours.map((b) =>
                h("div", { key: b.clock, class: ["em-hour", b.running && "em-hour-running", b.hatched && "em-hour-hatched", (!b.known || b.height < 40) && "em-hour-low"], title: `${b.clock} ${b.label}` }, [
                  b.known ? h("i", { style: { height: `${b.height}%` } }) : null,
                  h("span", b.label),
                ]),
              ),
              d.target === null || d.target === undefined ? null : h("b", { class: "em-hours-target", style: { bottom: `${d.target}%` } }),
            ]),
          ])
        : null,
      d.foot ? h("footer", { class: "em-explain-foot em-quiet" }, d.foot) : null,
    ]);
  },
};
