import { h } from "vue";
import { icon, patchable } from "energy-kit";

// data: {columns: [{key, name, kind: text|choice|units, options: [[value, words]], none, wide, mono}], rows: [{id, cells: {key: text}, hints: {key: text}, units, rare}],
//        marks: {row: {cells, words}}, answers: {row: {raw, value, icon, tone, text}}, editable, words: {raw, value, remove, rare, row, empty}}
// emits edit([row, key, text]), remove(row). What is typed is told half a second after the last key, and when the field is left.
export default {
  mixins: [patchable],
  emits: ["edit", "remove"],
  data: () => ({ waiting: {} }),
  beforeUnmount() {
    Object.values(this.waiting).forEach((w) => clearTimeout(w.timer));
  },
  methods: {
    typed(row, key, text, at_once) {
      const name = `${row.id}/${key}`;
      const told = this.waiting[name];
      if (told) clearTimeout(told.timer);
      delete this.waiting[name];
      if ((row.cells[key] ?? "") !== text) {
        row.cells = { ...row.cells, [key]: text };
        this.waiting[name] = { timer: null };
      } else if (!told) return;
      const tell = () => (delete this.waiting[name], this.$emit("edit", [row.id, key, text]));
      if (at_once) tell();
      else this.waiting[name] = { timer: setTimeout(tell, 500) };
    },
    control(row, column, number) {
      const value = row.cells[column.key] ?? "";
      const hint = row.hints[column.key] ?? "";
      if (!this.d.editable) return h("span", { class: ["em-point-plain", column.mono && "em-mono", !value && "em-quiet"] }, this.words(column, value || hint) || column.none);
      const wrong = this.d.marks[row.id]?.cells.includes(column.key);
      const common = {
        class: ["em-point-in", column.mono && "em-mono", wrong && "em-point-bad"],
        style: { width: `${column.wide}px` },
        "aria-label": `${column.name}, ${this.d.words.row} ${number}`,
        "aria-invalid": wrong ? "true" : undefined,
        "data-testid": `point-${row.id}-${column.key}`,
      };
      const options = column.kind === "units" ? (row.units.length ? row.units.map((u) => [u, u]) : null) : column.kind === "choice" ? column.options : null;
      if (!options) return h("input", { ...common, type: "text", value, placeholder: hint, maxlength: 200, spellcheck: "false", autocomplete: "off", onInput: (e) => this.typed(row, column.key, e.target.value, false), onChange: (e) => this.typed(row, column.key, e.target.value, true) });
      const known = options.some(([v]) => v === value) || !value ? options : [[value, value], ...options];
      const empty = hint ? this.words(column, hint) : column.none || "";
      return h("select", { ...common, class: [...common.class, !value && "em-point-hint"], value, onChange: (e) => this.typed(row, column.key, e.target.value, true) }, [
        h("option", { value: "" }, empty),
        ...known.map(([v, words]) => h("option", { key: v, value: v, selected: v === value }, words)),
      ]);
    },
    words(column, value) {
      const found = (column.options || []).find(([v]) => v === value);
      return found ? found[1] : value;
    },
    answer(row) {
      const read = this.d.answers?.[row.id];
      if (!this.d.answers) return [];
      const value = read ? [read.icon && icon(read.icon, `em-cell-icon em-${read.tone}`), h("b", read.value)] : h("span", { class: "em-quiet" }, "—");
      return [
        h("td", { key: "raw", "data-testid": `point-${row.id}-raw` }, (read?.raw || []).map((w, i) => h("span", { key: i, class: "em-word" }, w))),
        h("td", { key: "value", class: "em-right", title: read?.text || "", "data-testid": `point-${row.id}-value` }, h("div", { class: "em-td em-point-value" }, value)),
      ];
    },
    line(row, number) {
      const cells = this.d.columns.map((c) => h("td", { key: c.key }, this.control(row, c, number)));
      const tail = [];
      if (row.rare.length) tail.push(h("span", { class: "em-point-rare", title: `${this.d.words.rare}: ${row.rare.join(", ")}` }, `+${row.rare.length}`));
      if (this.d.editable)
        tail.push(h("button", { type: "button", class: "em-btn em-btn-quiet em-btn-small em-btn-icon", title: this.d.words.remove, "aria-label": `${this.d.words.remove}, ${this.d.words.row} ${number}`, "data-testid": `point-${row.id}-remove`, onClick: () => this.$emit("remove", row.id) }, [icon("delete_outline")]));
      const made = [h("tr", { key: row.id, "data-testid": `point-${row.id}` }, [cells[0], ...this.answer(row), ...cells.slice(1), h("td", { key: "tail", class: "em-right" }, h("div", { class: "em-td" }, tail))])];
      const mark = this.d.marks[row.id];
      if (mark)
        made.push(h("tr", { key: `${row.id}!`, class: "em-point-why" }, h("td", { colspan: cells.length + 3 }, h("div", { class: "em-point-words", role: "alert", "data-testid": `point-${row.id}-wrong` }, [icon("error", "em-alarm"), h("span", mark.words.join("; "))]))));
      return made;
    },
  },
  render() {
    const d = this.d;
    const head = d.columns.map((c) => h("th", { key: c.key, scope: "col" }, c.name));
    if (d.answers) head.splice(1, 0, h("th", { key: "raw", scope: "col" }, d.words.raw), h("th", { key: "value", scope: "col", class: "em-right" }, d.words.value));
    head.push(h("th", { key: "tail" }, h("span", { class: "em-visually-hidden" }, d.words.remove)));
    return h("div", { class: "em-table-box em-points", tabindex: 0, role: "region", "aria-label": d.words.region }, [
      h("table", { class: "em-table" }, [h("thead", h("tr", head)), h("tbody", d.rows.flatMap((row, i) => this.line(row, i + 1)))]),
      d.rows.length ? null : h("div", { class: "em-table-empty" }, d.words.empty),
    ]);
  },
};
