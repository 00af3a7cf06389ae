import { h } from "vue";
import { alarmMark, icon, patchable, rich, stateMark, strip } from "energy-kit";

// data: {columns: [{key, name, align, unit, sort, grow}], rows: [{id, href, selected, cells: {key: text | {text|parts, sub, mark, alarm, icon, tone, strip, load, sort, actions}}}],
//        empty, dense, two}; emits row(id), action([id, name]), and explain([id, key]) of a cell with `explains`: its words for a reader of the screen
const cellOf = (c) => (c !== null && typeof c === "object" && !Array.isArray(c) ? c : { text: c });

export default {
  mixins: [patchable],
  emits: ["row", "action", "explain"],
  data: () => ({ order: null, down: false }),
  computed: {
    rows() {
      if (!this.order) return this.d.rows;
      const value = (r) => {
        const c = cellOf(r.cells[this.order]);
        return c.sort ?? c.text ?? "";
      };
      const compare = (a, b) => {
        const [x, y] = [value(a), value(b)];
        if (typeof x === "number" && typeof y === "number") return x - y;
        return String(x).localeCompare(String(y), undefined, { numeric: true });
      };
      const sorted = [...this.d.rows].sort(compare);
      return this.down ? sorted.reverse() : sorted;
    },
  },
  methods: {
    // merges changed rows by id: {rows_changed: [{id, cells: {...}}]}
    patch(changes) {
      const { rows_changed: changed, ...rest } = changes;
      Object.assign(this.d, rest);
      if (!changed) return;
      const byId = new Map(changed.map((r) => [r.id, r]));
      this.d.rows = this.d.rows.map((r) => (byId.has(r.id) ? { ...r, ...byId.get(r.id), cells: { ...r.cells, ...byId.get(r.id).cells } } : r));
    },
    sortBy(column) {
      if (column.sort === false) return;
      this.down = this.order === column.key ? !this.down : false;
      this.order = column.key;
    },
    cell(row, column) {
      const c = cellOf(row.cells[column.key]);
      const inner = [];
      if (c.mark) inner.push(stateMark(c.mark[0], c.mark[1], "em-mark em-mark-cell"));
      if (c.alarm) inner.push(alarmMark(c.alarm[0], c.alarm[1], "em-amark em-mark-cell"));
      if (c.icon) inner.push(icon(c.icon, `em-cell-icon ${c.tone ? `em-${c.tone}` : ""}`));
      if (c.strip) inner.push(strip(c.strip, 12));
      if (c.load !== undefined && c.load !== null) inner.push(h("span", { class: "em-load" }, [h("i", { style: { width: `${c.load}%` } })]));
      const words = c.parts ? rich(c.parts) : c.text ?? "";
      const open = (e) => (e.stopPropagation(), this.$emit("explain", [row.id, column.key]));
      const opened = { class: "em-explainable", role: "button", tabindex: 0, title: c.explains, "aria-label": `${words}. ${c.explains}`, onClick: open, onKeydown: (e) => e.key === "Enter" && open(e) };
      const label = c.href ? h("a", { href: c.href }, words) : c.explains ? h("span", opened, words) : words;
      if (words !== "" || c.sub)
        inner.push(h("span", { class: ["em-cell-text", c.tone && !c.icon && `em-${c.tone}`, c.bold && "em-b", c.mono && "em-mono"] }, [label, c.sub ? h("span", { class: "em-cell-sub" }, rich(c.sub)) : null]));
      for (const a of c.actions || [])
        inner.push(
          h("button", { type: "button", class: ["em-btn em-btn-small", a.kind && `em-btn-${a.kind}`], title: a.label, "aria-label": a.label, disabled: a.disabled, "data-testid": `${a.name}-${row.id}`, onClick: (e) => (e.stopPropagation(), this.$emit("action", [row.id, a.name])) }, [
            a.icon ? icon(a.icon) : null,
            a.text ? h("span", a.text) : null,
          ]),
        );
      return h("td", { key: column.key, class: [`em-${column.align || "left"}`], "data-testid": `cell-${row.id}-${column.key}` }, h("div", { class: "em-td" }, inner));
    },
  },
  render() {
    const d = this.d;
    const head = d.columns.map((c) =>
      h(
        "th",
        { key: c.key, scope: "col", class: [`em-${c.align || "left"}`], style: c.grow ? { width: "99%" } : undefined, "aria-sort": this.order === c.key ? (this.down ? "descending" : "ascending") : undefined },
        c.name && c.sort !== false
          ? h("button", { type: "button", class: "em-th", onClick: () => this.sortBy(c) }, [c.name, this.order === c.key ? h("span", { "aria-hidden": "true" }, this.down ? " ▾" : " ▴") : null])
          : c.name,
      ),
    );
    const body = this.rows.map((r) =>
      h(
        "tr",
        { key: r.id, class: [r.selected && "em-selected", r.muted && "em-muted", (r.clickable || r.href) && "em-row-link", r.bar && "em-row-bar"], "data-testid": `row-${r.id}`, onClick: () => (r.href ? (window.location.href = r.href) : r.clickable && this.$emit("row", r.id)) },
        d.columns.map((c) => this.cell(r, c)),
      ),
    );
    return h("div", { class: ["em-table-box", d.dense && "em-table-dense", d.two && "em-table-two"] }, [
      h("table", { class: "em-table" }, [h("thead", h("tr", head)), h("tbody", body)]),
      d.rows.length ? null : h("div", { class: "em-table-empty" }, d.empty || ""),
    ]);
  },
};
