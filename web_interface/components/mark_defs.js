// Hatches of the states, once a page, from the tokens of the present theme.
import { h } from "vue";

const hatch = (id, angle, line, ground) =>
  h("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: `rotate(${angle})` }, [
    ground ? h("rect", { width: 6, height: 6, fill: ground }) : null,
    h("line", { x1: 3, y1: 0, x2: 3, y2: 6, stroke: line, style: "stroke-width: var(--hatch)" }),
  ]);

export default {
  render: () =>
    h("svg", { class: "em-defs", width: 0, height: 0, "aria-hidden": "true" }, [
      h("defs", [
        hatch("em-idle", 45, "var(--st-idle)", "var(--st-idle-bg)"),
        hatch("em-nodata", -45, "var(--st-nodata)", "var(--st-nodata-bg)"),
        h("pattern", { id: "em-sub-standby", width: 6, height: 6, patternUnits: "userSpaceOnUse" }, [
          h("rect", { width: 6, height: 6, fill: "var(--st-idle-bg)" }),
          h("circle", { cx: 3, cy: 3, r: 1.1, fill: "var(--st-idle)" }),
        ]),
        hatch("em-sub-warm_up", 0, "var(--st-idle)", "var(--st-idle-bg)"),
        hatch("em-sub-ready", 45, "var(--st-idle)", "var(--st-idle-bg)"),
        h("pattern", { id: "em-estimated", width: 5, height: 8, patternUnits: "userSpaceOnUse" }, [
          h("rect", { width: 5, height: 8, fill: "var(--flow)" }),
          h("rect", { width: 1.5, height: 8, fill: "var(--s1)", opacity: 0.55 }),
        ]),
        h("pattern", { id: "em-forecast", width: 4, height: 8, patternUnits: "userSpaceOnUse" }, [
          h("rect", { width: 2, height: 8, fill: "var(--s1)", opacity: 0.75 }),
        ]),
      ]),
    ]),
};
