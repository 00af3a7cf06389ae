import { h } from "vue";
import { patchable, spark, stateMark, strip } from "energy-kit";

// data: {id, href, name, state, letter, stateName, since, kw, unit, was, kef, kefName, energy, spark, strip, rank}
export default {
  mixins: [patchable],
  render() {
    const d = this.d;
    const value =
      d.kw === null
        ? h("span", { class: "em-mcard-none", "data-testid": "power" }, [h("span", { class: "em-dash" }, "—"), h("span", { class: "em-was", title: d.was }, d.was), h("span", { class: "em-mcard-quiet" }, d.since)])
        : h("span", { class: "em-mcard-value", "data-testid": "power" }, [h("span", { class: "em-figure" }, d.kw), h("span", { class: "em-unit" }, d.unit)]);
    return h(
      "a",
      {
        class: ["em-mcard", `em-is-${d.state}`],
        href: d.href,
        style: { "--rank": d.rank },
        "aria-label": `${d.name}: ${d.stateName}, ${d.kw ?? "—"}\u00a0${d.unit}`,
        "data-state": d.state,
      },
      [
        stateMark(d.state, d.letter),
        h("span", { class: "em-mcard-name", title: d.name }, d.name),
        h("span", { class: "em-mcard-since", title: `${d.stateName}, ${d.since}` }, d.since),
        value,
        h("span", { class: "em-mcard-facts" }, [
          d.kef ? h("span", { class: "em-mcard-kef" }, [`${d.kefName} `, h("b", d.kef), " · "]) : null,
          h("span", { "data-testid": "energy" }, d.energy),
        ]),
        h("span", { class: "em-mcard-spark" }, spark(d.spark, "em-card-spark")),
        h("span", { class: "em-mcard-strip" }, strip(d.strip, 8)),
      ],
    );
  },
};
