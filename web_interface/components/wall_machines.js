import { h } from "vue";
import { patchable, stateMark, turns } from "energy-kit";

// data: {tiles: [{id, href, name, state, letter, value, unit, silent: [words, since] | null, label}], counts: [[state, letter, name, n]], empty, label, page: "{n} / {all}"}
const LEAST = [285, 112]; // of a tile, in units of the screen (1/1920 of its width, 1/1080 of its height)
const USUAL = [380, 125]; // the tile for which the sizes of type are written
const GAP = 14;
const LONG = 13; // letters of a name that need smaller type

const size = (w, v, columns, rows) => Math.min((w - (columns - 1) * GAP) / columns / USUAL[0], (v - (rows - 1) * GAP) / rows / USUAL[1]);

// Columns, rows and tiles a page: the fitting grid with the largest type; none fits: as many as may be.
function grid(count, width, height, unit) {
  const [w, v] = [width / unit, height / unit];
  const most = Math.max(1, Math.floor((w + GAP) / (LEAST[0] + GAP)));
  const tall = Math.max(1, Math.floor((v + GAP) / (LEAST[1] + GAP)));
  let found = null;
  for (let columns = 1; columns <= most; columns++) {
    const rows = Math.ceil(count / columns);
    if (rows > tall) continue;
    const scale = size(w, v, columns, rows);
    if (!found || scale > found.scale) found = { columns, rows, scale };
  }
  found ??= { columns: most, rows: tall, scale: size(w, v, most, tall) };
  return { ...found, scale: Math.min(1.7, Math.max(0.76, found.scale)) };
}

function tile(m) {
  const value = m.silent
    ? h("span", { class: "em-wall-silent" }, [h("b", m.silent[0]), ` ${m.silent[1]}`])
    : h("span", { class: "em-wall-kw", "data-testid": "power" }, [h("b", m.value), h("span", m.unit)]);
  return h("a", { key: m.id, class: ["em-wall-tile", `em-is-${m.state}`], href: m.href, "aria-label": m.label, "data-state": m.state, "data-testid": `wall-${m.id}` }, [
    stateMark(m.state, m.letter),
    h("span", { class: ["em-wall-name", m.name.length > LONG && "em-wall-name-long"], title: m.name }, m.name),
    value,
  ]);
}

export default {
  mixins: [patchable, turns],
  data: () => ({ box: null }),
  mounted() {
    this.watcher = new ResizeObserver(() => this.measure());
    this.watcher.observe(this.$refs.room);
    this.measure();
  },
  beforeUnmount() {
    this.watcher?.disconnect();
  },
  methods: {
    measure() {
      const room = this.$refs.room;
      const style = getComputedStyle(room);
      this.box = { width: room.clientWidth, height: room.clientHeight, unit: parseFloat(style.fontSize) / 26, stacked: style.getPropertyValue("--wall-stacked").trim() === "1" };
    },
    patch({ tiles_changed: changed, ...rest }) {
      Object.assign(this.d, rest);
      if (changed) this.d.tiles = this.d.tiles.map((m) => (changed[m.id] ? { ...m, ...changed[m.id] } : m));
    },
  },
  render() {
    const d = this.d;
    const b = this.box;
    const { columns, rows, scale } = b && !b.stacked && d.tiles.length ? grid(d.tiles.length, b.width, b.height, b.unit) : { columns: 2, rows: Infinity, scale: 0.76 };
    const most = Math.min(d.tiles.length, columns * rows) || 1;
    const pages = Math.ceil(d.tiles.length / most);
    const page = pages ? this.turn % pages : 0;
    const shown = d.tiles.slice(page * most, (page + 1) * most);
    const style = { gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`, "--k": scale };
    if (rows !== Infinity) style.gridTemplateRows = `repeat(${rows}, minmax(0, 1fr))`;
    return h("section", { class: "em-wall-machines", "aria-label": d.label }, [
      h("div", { class: "em-wall-counts" }, [
        ...d.counts.map(([state, letter, name, n]) => h("span", { key: state, class: "em-wall-count", "data-testid": `wall-count-${state}` }, [stateMark(state, letter), h("b", n), h("span", name)])),
        pages > 1 ? h("span", { class: "em-wall-page", "data-testid": "wall-page" }, d.page.replace("{n}", page + 1).replace("{all}", pages)) : null,
      ]),
      h("div", { class: "em-wall-room", ref: "room" }, [d.tiles.length ? h("div", { class: "em-wall-tiles", style }, b ? shown.map(tile) : []) : h("p", { class: "em-quiet" }, d.empty)]),
    ]);
  },
};
