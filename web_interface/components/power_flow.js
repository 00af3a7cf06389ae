import { h } from "vue";
import { patchable } from "energy-kit";

// data: {main: {name, text, label}, groups: [{name, text, label, rows: [{id, href, name, text, share, value, state, missing, estimated}]}],
//        rest: {text, label, value} | null, words: {leaf, none, estimated}, empty, label}; labels are for who does not see the drawing
// Heights follow the value; a row never falls below its label's height. Wider than tall or not, nothing overlaps.
const LOOSE = [15, 10, 4]; // least height of a row, gap between boards, air around a bar (px)
const TIGHT = [13, 4, 3];
const TOP = 8;

function layout(d, height) {
  const rows = d.groups.flatMap((g) => g.rows);
  const rest = d.rest ? d.rest.value : 0;
  const sum = rows.reduce((a, r) => a + r.value, 0) + rest;
  const [row, gap, air] = height / Math.max(1, rows.length) > 25 ? LOOSE : TIGHT;
  const room = height - TOP - 4 - gap * (d.groups.length - 1 + (d.rest ? 1 : 0));
  const slot = (r, k) => Math.max(row, r.value * k + air);
  const used = (k) => rows.reduce((a, r) => a + slot(r, k), d.rest ? slot(d.rest, k) : 0);
  let low = 0;
  let high = sum > 0 ? (room / sum) * 1.2 : 0;
  for (let i = 0; i < 24; i++) {
    const middle = (low + high) / 2;
    if (used(middle) <= room) low = middle;
    else high = middle;
  }
  const parts = d.groups.length - 1 + (d.rest ? 1 : 0);
  return { k: low, slot: (r) => slot(r, low), gap: gap + Math.max(0, room - used(low)) / Math.max(1, parts), need: used(0) + (height - room) };
}

const pen = typeof document === "undefined" ? null : document.createElement("canvas").getContext("2d");

// As much of a name as fits into `room` px, by the font that will draw it.
function fit(name, room) {
  pen.font = "400 12px Inter, sans-serif";
  if (pen.measureText(name).width <= room) return name;
  let short = name;
  while (short.length > 3 && pen.measureText(`${short}…`).width > room) short = short.slice(0, -1);
  return `${short.trimEnd()}…`;
}

const ribbon = (x1, y1, x2, y2, size, key, cls) => {
  const m = (x1 + x2) / 2;
  const s = Math.max(size, 0.6);
  return h("path", {
    key,
    class: cls,
    d: `M${x1} ${y1}C${m} ${y1} ${m} ${y2} ${x2} ${y2}L${x2} ${y2 + s}C${m} ${y2 + s} ${m} ${y1 + s} ${x1} ${y1 + s}Z`,
  });
};

const said = (key, label, parts) => h("g", { key, role: "img", "aria-label": label }, parts);

const told = (r, words) =>
  (r.missing && !r.value ? words.none : r.missing || r.estimated ? words.estimated : words.leaf).replace(/\{(name|text|share)\}/g, (_, key) => r[key]);

function node(r, x, y, w, size) {
  const at = { x, y, width: w, height: Math.max(size, 1.5) };
  if (r.state === "alarm") return h("rect", { ...at, height: Math.max(size, 6), fill: "var(--st-alarm-bg)", stroke: "var(--st-alarm)", "stroke-width": 2 });
  if (r.state === "off") return h("rect", { ...at, y: y + size / 2 - 0.75, height: 1.5, fill: "var(--st-off)" });
  const fill = { production: "var(--st-production)", idle: "url(#em-idle)" }[r.state] || "url(#em-nodata)";
  return h("rect", { ...at, height: Math.max(size, r.state === "production" ? 1.5 : 4), fill });
}

export default {
  mixins: [patchable],
  data: () => ({ size: [388, 260] }),
  mounted() {
    this.watcher = new ResizeObserver(([entry]) => {
      const { width, height } = entry.contentRect;
      if (Math.abs(width - this.size[0]) > 1 || Math.abs(height - this.size[1]) > 1) this.size = [width, height];
    });
    this.watcher.observe(this.$el);
  },
  methods: {
    patch({ rows, texts, ...rest }) {
      Object.assign(this.d, rest);
      if (!rows && !texts) return;
      this.d.groups = this.d.groups.map((g) => ({
        ...g,
        ...texts?.[g.name],
        rows: rows ? g.rows.map((r) => (rows[r.id] ? { ...r, ...rows[r.id] } : r)) : g.rows,
      }));
    },
  },
  beforeUnmount() {
    this.watcher?.disconnect();
  },
  render() {
    const d = this.d;
    if (!d.groups.length) return h("div", { class: "em-flow em-quiet" }, d.empty);
    const [width, room] = this.size;
    const { k, slot, gap, need } = layout(d, room);
    const height = Math.max(room, need);
    const single = d.groups.length === 1 && !d.groups[0].name;
    const xBoard = Math.round(width * (single ? 0 : width < 420 ? 0.3 : 0.33));
    const xLeaf = Math.round(width * (width < 420 ? 0.53 : 0.58));
    const leafText = width < 340 ? 10 : 12;
    const out = [];
    const main = [];
    let y = TOP;
    const total = d.groups.reduce((a, g) => a + g.rows.reduce((b, r) => b + r.value, 0), 0) + (d.rest ? d.rest.value : 0);
    const hMain = Math.max(2, total * k);
    let yMain = Math.max(TOP + 26, (height - hMain) / 2);
    if (yMain + hMain > height - 2) yMain = Math.max(TOP + 26, height - 2 - hMain);
    const mainTop = yMain;
    for (const g of d.groups) {
      const from = y;
      const slots = g.rows.map((r) => {
        const size = r.value * k;
        const room = slot(r);
        const at = y + (room - size) / 2;
        y += room;
        return { r, size, at, room, middle: at + size / 2 };
      });
      const sumSize = slots.reduce((a, s) => a + s.size, 0);
      const yBoard = Math.max(from + 12, (from + y - sumSize) / 2);
      if (!single) {
        main.push(ribbon(8, yMain, xBoard, yBoard, sumSize, `m${g.name}`, "em-flow-a"));
        out.push(
          said(`b${g.name}`, g.label, [
            h("rect", { x: xBoard, y: yBoard, width: 9, height: Math.max(1.5, sumSize), fill: "var(--s1)" }),
            h("text", { class: "em-flow-board", x: xBoard + 4, y: yBoard - 5, "text-anchor": "middle" }, [`${g.name} · ${g.text}`]),
          ]),
        );
      }
      let yOut = single ? yMain : yBoard;
      for (const s of slots) {
        const label = told(s.r, d.words);
        main.push(ribbon(single ? 8 : xBoard + 9, yOut, xLeaf, s.at, s.size, `r${s.r.id}`, s.r.missing ? "em-flow-none" : s.r.estimated ? "em-flow-estimated" : "em-flow-b"));
        yOut += s.size;
        out.push(
          h("a", { key: s.r.id, href: s.r.href, class: "em-flow-leaf", "aria-label": label, "data-testid": `flow-${s.r.id}` }, [
            h("title", label),
            h("rect", { class: "em-flow-hit", x: xLeaf, y: s.middle - s.room / 2, width: width - xLeaf, height: s.room }),
            node(s.r, xLeaf, s.at, 9, s.size),
            h("text", { x: xLeaf + 9 + leafText - 5, y: s.middle + 4, class: "em-flow-name" }, fit(s.r.name, width - xLeaf - 4 - leafText - 38)),
            h("text", { x: width, y: s.middle + 4, "text-anchor": "end", class: ["em-flow-value", s.r.missing && "em-flow-missing"] }, s.r.text),
          ]),
        );
      }
      yMain += sumSize;
      y += gap;
    }
    if (d.rest) {
      const size = Math.max(1.5, d.rest.value * k);
      const at = y + (slot(d.rest) - size) / 2;
      main.push(ribbon(8, yMain, xBoard, at, size, "rest", "em-flow-none"));
      out.push(
        said("rest", d.rest.label, [
          h("rect", { x: xBoard, y: at, width: 9, height: size, fill: "var(--text3)" }),
          h("text", { x: xBoard + 15, y: at + size / 2 + 4, class: "em-flow-name", "data-testid": "flow-rest" }, d.rest.text),
        ]),
      );
    }
    return h("div", { class: "em-flow" }, [
      h("svg", { width, height, role: "group", "aria-label": d.label }, [
        h("g", { "aria-hidden": "true" }, main),
        said("main", d.main.label, [
          h("rect", { x: 0, y: mainTop, width: 8, height: hMain, fill: "var(--s1)" }),
          h("text", { x: 0, y: mainTop - 20, class: "em-flow-name em-flow-main" }, d.main.name),
          h("text", { x: 0, y: mainTop - 6, class: "em-flow-board", "data-testid": "flow-feed" }, d.main.text),
        ]),
        ...out,
      ]),
    ]);
  },
};
