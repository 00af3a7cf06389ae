// What the product's Vue components share: marks of states and alarms, rich text, tokens, patching. Plain data in, vnodes out;
// text from outside is only ever a text node.
import { h } from "vue";

const text = (x, y, size, fill, letter, extra = {}) =>
  h("text", { x, y, "text-anchor": "middle", "font-size": size, "font-weight": 600, fill, ...extra }, letter);

export function stateMark(state, letter, cls = "em-mark") {
  const shapes = {
    production: () => [
      h("rect", { x: 0, y: 0, width: 22, height: 22, rx: 4.8, fill: "var(--st-production)" }),
      text(11, 15.4, 12, "var(--st-production-letter)", letter),
    ],
    idle: () => [
      h("rect", { x: 0.75, y: 0.75, width: 20.5, height: 20.5, rx: 4.4, fill: "url(#em-idle)", stroke: "var(--st-idle)", "stroke-width": 1.5 }),
      text(11, 15.4, 12, "var(--st-idle-letter)", letter, { stroke: "var(--st-idle-bg)", "stroke-width": 3.5, "paint-order": "stroke" }),
    ],
    off: () => [
      h("rect", { x: 0.9, y: 0.9, width: 20.2, height: 20.2, rx: 4.4, fill: "none", stroke: "var(--st-off)", "stroke-width": 1.8 }),
      text(11, 15.4, 12, "var(--st-off-letter)", letter),
    ],
    alarm: () => [
      h("rect", { x: 1.2, y: 1.2, width: 19.6, height: 19.6, rx: 4.4, fill: "none", stroke: "var(--st-alarm)", "stroke-width": 2.4 }),
      text(11, 15.4, 12, "var(--st-alarm)", letter),
    ],
    no_data: () => [
      h("rect", { x: 0.7, y: 0.7, width: 20.6, height: 20.6, rx: 4.4, fill: "url(#em-nodata)", stroke: "var(--st-nodata)", "stroke-width": 1.4, "stroke-dasharray": "3 2" }),
      text(11, 15.4, 12, "var(--st-nodata-letter)", letter, { stroke: "var(--st-nodata-bg)", "stroke-width": 3.5, "paint-order": "stroke" }),
    ],
  };
  return h("svg", { class: cls, viewBox: "0 0 22 22", "data-state": state, "aria-hidden": "true" }, (shapes[state] || shapes.no_data)());
}

export function alarmMark(priority, letter, cls = "em-amark") {
  const fill = `var(--al-${priority})`;
  const ink = `var(--al-${priority}-letter)`;
  const shapes = {
    critical: () => [h("path", { d: "M7 .8h10L23.2 7v10L17 23.2H7L.8 17V7z", fill }), text(12, 16.2, 12.5, ink, letter, { "font-weight": 700 })],
    high: () => [
      h("path", { d: "M12 1.6 23.2 21.4a.9.9 0 0 1-.8 1.3H1.6a.9.9 0 0 1-.8-1.3z", fill }),
      text(12, 20, 11, ink, letter, { "font-weight": 700 }),
    ],
    medium: () => [
      h("path", { d: "M12 1.4 22.6 12 12 22.6 1.4 12z", fill, stroke: "var(--al-medium-edge)", "stroke-width": 1.2, "stroke-linejoin": "round" }),
      text(12, 15.8, 10.5, ink, letter, { "font-weight": 700 }),
    ],
    low: () => [h("circle", { cx: 12, cy: 12, r: 11, fill }), text(12, 16.2, 12, ink, letter, { "font-weight": 700 })],
    shelved: () => [
      h("path", { d: "M6.6 2.4h10.8L22.8 12l-5.4 9.6H6.6L1.2 12z", fill: "none", stroke: fill, "stroke-width": 1.8, "stroke-dasharray": "3.2 2" }),
      h("path", { d: "M9.6 8v8M14.4 8v8", stroke: "var(--text2)", "stroke-width": 2.2 }),
    ],
  };
  return h("svg", { class: cls, viewBox: "0 0 24 24", "data-priority": priority, "aria-hidden": "true" }, (shapes[priority] || shapes.low)());
}

// parts: [["text", "classes"], ...] or a plain string
export function rich(parts) {
  if (typeof parts === "string") return parts;
  return (parts || []).map(([words, cls], i) => h("span", { key: i, class: cls || undefined }, words));
}

// A formula's text with subscripts: "E_prod".
const SUBSCRIPTED = /([\p{L}]+)_([\p{L}\p{N}]+)/gu;

export function symbols(text) {
  const out = [];
  let at = 0;
  for (const found of (text || "").matchAll(SUBSCRIPTED)) {
    out.push(text.slice(at, found.index), found[1], h("sub", found[2]));
    at = found.index + found[0].length;
  }
  out.push((text || "").slice(at));
  return out;
}

// on a phone a row of tabs is scrolled: the open one is to be seen
export function showChosenTabs() {
  for (const tab of document.querySelectorAll(".em-tabs > [aria-current]")) {
    const row = tab.parentElement;
    row.scrollLeft += tab.getBoundingClientRect().left - row.getBoundingClientRect().left - (row.clientWidth - tab.clientWidth) / 2;
  }
}
export const icon = (name, cls = "") => h("i", { class: `em-icon material-icons-outlined ${cls}`, "aria-hidden": "true" }, name);

// Strip of states: [[from %, width %, state], ...] of a fixed window; right of now stays empty.
export function strip(parts, height = 8) {
  const bars = (parts || []).map(([x, w, state], i) => {
    const at = { key: i, x: `${x}%`, width: `${Math.max(w, 0.25)}%` };
    if (state === "off") return h("rect", { ...at, y: height - 1.5, height: 1.5, fill: "var(--st-off)" });
    if (state === "alarm")
      return h("rect", { ...at, y: 0.75, height: height - 1.5, fill: "var(--st-alarm-bg)", stroke: "var(--st-alarm)", "stroke-width": 1.5 });
    const fill = state === "production" ? "var(--st-production)" : state === "idle" ? "url(#em-idle)" : "url(#em-nodata)";
    return h("rect", { ...at, y: 0, height, fill });
  });
  return h("svg", { class: "em-strip", width: "100%", height, "aria-hidden": "true" }, [
    h("rect", { x: 0, y: 0, width: "100%", height, rx: 2, fill: "var(--sunk)" }),
    ...bars,
  ]);
}

// Line through points [[x 0..100, y 0..100 | null], ...] (y up); a null breaks it.
export function polyPath(points) {
  let d = "";
  let pen = false;
  for (const [x, y] of points || []) {
    if (y === null) {
      pen = false;
      continue;
    }
    d += `${pen ? "L" : "M"}${x} ${(100 - y).toFixed(1)}`;
    pen = true;
  }
  return d;
}

export function spark(points, cls, target = null) {
  const lines = [];
  if (target !== null && target !== undefined)
    lines.push(h("line", { x1: 0, x2: 100, y1: 100 - target, y2: 100 - target, class: "em-spark-target", "vector-effect": "non-scaling-stroke" }));
  lines.push(h("path", { d: polyPath(points), class: "em-spark-line", "vector-effect": "non-scaling-stroke" }));
  return h("svg", { class: `em-spark ${cls}`, viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" }, lines);
}

// The state of a component: `data` from the server, changed in place by patch(); a new `data` (page rebuilt) replaces it.
export const patchable = {
  props: { data: Object },
  data() {
    return { d: { ...this.data } };
  },
  watch: {
    data(value) {
      this.d = { ...value };
    },
  },
  methods: {
    patch(changes) {
      Object.assign(this.d, changes);
    },
  },
};

// The hatch of missing data for a canvas: the same lines as in the marks.
function hatch(colour) {
  const image = document.createElement("canvas");
  image.width = image.height = 12;
  const pen = image.getContext("2d");
  pen.strokeStyle = colour;
  pen.globalAlpha = 0.55;
  pen.lineWidth = 1.4;
  for (const shift of [-18, -12, -6, 0, 6, 12]) {
    pen.beginPath();
    pen.moveTo(shift - 2, -2);
    pen.lineTo(shift + 14, 14);
    pen.stroke();
  }
  return { image, repeat: "repeat" };
}

// Upright stripes of what is estimated.
function stripe(colour) {
  const image = document.createElement("canvas");
  image.width = image.height = 6;
  const pen = image.getContext("2d");
  pen.fillStyle = colour;
  pen.globalAlpha = 0.4;
  pen.fillRect(0, 0, 1.4, 6);
  return { image, repeat: "repeat" };
}

// A colour so thin that what lies under it stays readable.
function wash(colour) {
  const image = document.createElement("canvas");
  image.width = image.height = 4;
  const pen = image.getContext("2d");
  pen.fillStyle = colour;
  pen.globalAlpha = 0.14;
  pen.fillRect(0, 0, 4, 4);
  return { image, repeat: "repeat" };
}

const PATTERNS = { hatch, stripe, wash };

// Replaces "hatch(--name)", "stripe(--name)", "wash(--name)" and "var(--name)" in an options tree by the token's present value, as
// the canvas cannot.
export function resolveTokens(node, style) {
  if (typeof node === "string") {
    const pattern = /^(hatch|stripe|wash)\((--[\w-]+)\)$/.exec(node);
    if (pattern) return PATTERNS[pattern[1]](style.getPropertyValue(pattern[2]).trim());
    const found = /^var\((--[\w-]+)\)$/.exec(node);
    if (!found) return node;
    const value = style.getPropertyValue(found[1]).trim();
    return value !== "" && !isNaN(value) ? Number(value) : value;
  }
  if (Array.isArray(node)) return node.map((n) => resolveTokens(n, style));
  if (node && typeof node === "object") return Object.fromEntries(Object.entries(node).map(([k, v]) => [k, resolveTokens(v, style)]));
  return node;
}

// The style that says a canvas's colours: the page's, and on paper the light ones whatever the theme (tokens.css).
let paper = null;

export const canvasStyle = () => getComputedStyle(paper ?? document.body);

// Calls `draw` when the theme changes and around printing, for a canvas keeps the colours it was drawn in; what is returned ends that.
export function followColours(draw) {
  const theme = new MutationObserver(draw);
  theme.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  const before = () => {
    if (!paper) {
      paper = Object.assign(document.createElement("div"), { className: "em-light", hidden: true });
      document.body.append(paper);
    }
    draw();
  };
  const after = () => {
    paper?.remove();
    paper = null;
    draw();
  };
  window.addEventListener("beforeprint", before);
  window.addEventListener("afterprint", after);
  return () => {
    theme.disconnect();
    window.removeEventListener("beforeprint", before);
    window.removeEventListener("afterprint", after);
  };
}

// What does not fit at once comes by turns: `turn` counts up every few seconds.
const TURN_MS = 12000;

export const turns = {
  data: () => ({ turn: 0 }),
  mounted() {
    this.turning = setInterval(() => (this.turn += 1), TURN_MS);
  },
  beforeUnmount() {
    clearInterval(this.turning);
  },
};
