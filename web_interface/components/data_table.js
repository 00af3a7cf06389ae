import { h } from "vue";
import { alarmMark, icon, patchable, rich, spark, stateMark, strip } from "energy-kit";

// data: {columns: [{key, name, align, unit, sort, grow}], rows: [{id, href, selected, cells: {key: text | {text|parts, sub, mark, alarm, icon, tone, strip, load, sort, actions}}}],
//        empty, dense, two, groups: [{key, title, note, cells: {key: text}}] over rows with the same `group`, search: {label, none, from: rows} over names, cells and `find` of a row,
//        kinds: [{key, text, mark, n}] to choose rows of that `kind` by, find and only: what is searched and chosen at first, address: kept in the page's}; emits row(id), action([id, name]), and explain([id, key]) of a cell with `explains`: its words for a reader of the screen
const cellOf = (c) => (c !== null && typeof c === "object" && !Array.isArray(c) ? c : { text: c });

export default {
  mixins: [patchable],
  emits: ["row", "action", "explain"],
  data() {
    return { order: null, down: false, find: this.data.find ?? "", only: this.data.only ?? "", shut: new Set() };
  },
  watch: {
    find: "remember",
    only: "remember",
  },
  computed: {
    // few rows are seen at a glance
    searched() {
      return Boolean(this.d.search) && (this.find !== "" || this.d.rows.length >= (this.d.search.from ?? 0));
    },
    found() {
      const words = this.searched ? this.find.toLowerCase().split(/\s+/).filter(Boolean) : [];
      const only = this.d.kinds?.some((k) => k.key === this.only) ? this.only : "";
      if (!words.length && !only) return this.d.rows;
      const said = (r) => [r.group, r.find, ...this.d.columns.map((c) => cellOf(r.cells[c.key])).map((c) => c.text ?? "")].join(" ").toLowerCase();
      return this.d.rows.filter((r) => (!only || r.kind === only) && (!words.length || ((text) => words.every((w) => text.includes(w)))(said(r))));
    },
    rows() {
      if (!this.order) return this.found;
      const value = (r) => {
        const c = cellOf(r.cells[this.order]);
        return c.sort ?? c.text ?? "";
      };
      const compare = (a, b) => {
        const [x, y] = [value(a), value(b)];
        if (typeof x === "number" && typeof y === "number") return x - y;
        return String(x).localeCompare(String(y), undefined, { numeric: true });
      };
      const sorted = [...this.found].sort(compare);
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
    remember() {
      if (!this.d.address) return;
      const now = new URL(window.location.href);
      for (const [name, value] of Object.entries({ find: this.find.trim(), kind: this.only }))
        value ? now.searchParams.set(name, value) : now.searchParams.delete(name);
      window.history.replaceState(window.history.state, "", now);
    },
    fold(key) {
      const shut = new Set(this.shut);
      shut.delete(key) || shut.add(key);
      this.shut = shut;
    },
    // the head of a group: what it is, how many, its sums under the columns; a click folds it
    head(group, columns) {
      const open = !this.shut.has(group.key);
      const [first, ...rest] = columns;
      const name = h("button", { type: "button", class: "em-group-name", "aria-expanded": open, onClick: () => this.fold(group.key) }, [
        icon(open ? "expand_more" : "chevron_right"),
        h("span", { class: "em-b" }, group.title),
        h("span", { class: "em-quiet" }, group.note),
      ]);
      const filled = rest.findIndex((c) => group.cells[c.key] !== undefined);
      const span = filled < 0 ? rest.length : filled;
      return h("tr", { key: `group ${group.key}`, class: "em-group", "data-testid": `group-${group.key}` }, [
        h("th", { scope: "rowgroup", colspan: 1 + span, key: first.key }, name),
        ...rest.slice(span).map((c) => h("td", { key: c.key, class: `em-${c.align || "left"}` }, group.cells[c.key])),
      ]);
    },
    line(r) {
      const d = this.d;
      return h(
        "tr",
        { key: r.id, class: [r.selected && "em-selected", r.muted && "em-muted", (r.clickable || r.href) && "em-row-link", r.bar && "em-row-bar"], "data-testid": `row-${r.id}`, onClick: () => (r.href ? (window.location.href = r.href) : r.clickable && this.$emit("row", r.id)) },
        d.columns.map((c) => this.cell(r, c)),
      );
    },
    lines() {
      const d = this.d;
      if (this.order || !d.groups?.length) return this.rows.map(this.line); // in order of a figure the whole shop is one list
      const of = new Map(d.groups.map((g) => [g.key, []]));
      for (const r of this.rows) of.get(r.group)?.push(r);
      return d.groups.filter((g) => of.get(g.key).length).flatMap((g) => [this.head(g, d.columns), ...(this.shut.has(g.key) ? [] : of.get(g.key).map(this.line))]);
    },
    // the field of search, how many were found, and the kinds to choose by
    tools() {
      const d = this.d;
      const field = this.searched
        ? h("label", { class: "em-find" }, [
            icon("search"),
            h("input", { type: "search", value: this.find, placeholder: d.search.label, "aria-label": d.search.label, "data-testid": "table-search", onInput: (e) => (this.find = e.target.value) }),
          ])
        : null;
      const kinds = (d.kinds || []).map((k) =>
        h("button", { type: "button", key: k.key, class: "em-kind", "aria-pressed": this.only === k.key, disabled: k.n === "0" && this.only !== k.key, "data-testid": `kind-${k.key}`, onClick: () => (this.only = this.only === k.key ? "" : k.key) }, [stateMark(k.mark[0], k.mark[1], "em-mark em-mark-cell"), h("span", k.text), h("b", k.n)]),
      );
      const count = h("span", { class: "em-find-count em-quiet", role: "status", "data-testid": "table-count" }, this.rows.length < d.rows.length ? `${this.rows.length} / ${d.rows.length}` : "");
      return h("div", { class: "em-table-tools" }, [field, count, kinds.length ? h("div", { class: "em-kinds" }, kinds) : null]);
    },
    sortBy(column) {
      if (column.sort === false) return;
      const third = this.down && this.order === column.key && this.d.groups?.length; // back to the groups
      this.down = !third && this.order === column.key;
      this.order = third ? null : column.key;
    },
    cell(row, column) {
      const c = cellOf(row.cells[column.key]);
      const inner = [];
      if (c.mark) inner.push(stateMark(c.mark[0], c.mark[1], "em-mark em-mark-cell"));
      if (c.alarm) inner.push(alarmMark(c.alarm[0], c.alarm[1], "em-amark em-mark-cell"));
      if (c.icon) inner.push(icon(c.icon, `em-cell-icon ${c.tone ? `em-${c.tone}` : ""}`));
      if (c.spark) inner.push(spark(c.spark, "em-spark-cell"));
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
    const none = d.rows.length ? d.search?.none || d.empty || "" : d.empty || "";
    const box =
      h("div", { class: ["em-table-box", d.dense && "em-table-dense", d.two && "em-table-two"] }, [
        h("table", { class: "em-table" }, [h("thead", h("tr", head)), h("tbody", this.lines())]),
        this.rows.length ? null : h("div", { class: "em-table-empty" }, none),
      ]);
    if (!d.search && !d.kinds) return box;
    return h("div", { class: "em-table-found" }, [this.searched || d.kinds ? this.tools() : null, box]);
  },
};
