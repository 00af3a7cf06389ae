import { h } from "vue";
import { icon, patchable } from "energy-kit";

// data: {tags: [[name, machine, words, unit, quantity], ...], quantities: {value: words}, chosen: [name], most, words}
// Emits choose(name, chosen). Drawn are the first SHOWN matches; the rest is found by typing.
const SHOWN = 150;
const plain = (text) => text.toLowerCase().replaceAll("ё", "е");

export default {
  mixins: [patchable],
  emits: ["choose"],
  data: () => ({ search: "", machine: "", quantity: "" }),
  mounted() {
    this.$refs.search.focus();
  },
  computed: {
    machines() {
      return [...new Set(this.d.tags.map((t) => t[1]))];
    },
    found() {
      const words = plain(this.search).split(/\s+/).filter(Boolean);
      return this.d.tags.filter((t) => {
        if (this.machine && t[1] !== this.machine) return false;
        if (this.quantity && t[4] !== this.quantity) return false;
        const text = plain(`${t[0]} ${t[1]} ${t[2]} ${t[3]}`);
        return words.every((w) => text.includes(w));
      });
    },
  },
  methods: {
    select(key, label, options, testid) {
      return h("label", { class: "em-field" }, [
        h("span", { class: "em-field-label" }, label),
        h("select", { class: "em-date em-picker-select", "data-testid": testid, value: this[key], onChange: (e) => (this[key] = e.target.value) }, [
          h("option", { value: "" }, this.d.words.all),
          ...options.map(([value, text]) => h("option", { value }, text)),
        ]),
      ]);
    },
    item(t) {
      const chosen = this.d.chosen.includes(t[0]);
      const full = !chosen && this.d.chosen.length >= this.d.most;
      return h("label", { key: t[0], class: "em-picker-item", "data-chosen": chosen ? "true" : "false" }, [
        h("input", { type: "checkbox", checked: chosen, disabled: full || undefined, "data-testid": `pick-${t[0]}`, onChange: (e) => this.$emit("choose", t[0], e.target.checked) }),
        h("span", { class: "em-picker-words" }, [h("b", t[2]), h("span", ` ${t[3]}`)]),
        h("code", { class: "em-picker-tag" }, t[0]),
      ]);
    },
  },
  render() {
    const w = this.d.words;
    const shown = this.found.slice(0, SHOWN);
    const groups = [];
    for (const t of shown) {
      if (groups.at(-1)?.[0] !== t[1]) groups.push([t[1], []]);
      groups.at(-1)[1].push(t);
    }
    return h("div", { class: "em-picker" }, [
      h("div", { class: "em-picker-filter" }, [
        h("label", { class: "em-field em-picker-search" }, [
          h("span", { class: "em-field-label" }, w.search),
          h("input", { class: "em-date", type: "search", ref: "search", autocomplete: "off", placeholder: w.search_hint, "data-testid": "picker-search", value: this.search, onInput: (e) => (this.search = e.target.value) }),
        ]),
        this.select("machine", w.machine, this.machines.map((m) => [m, m]), "picker-machine"),
        this.select("quantity", w.quantity, Object.entries(this.d.quantities), "picker-quantity"),
      ]),
      h("div", { class: "em-picker-count", role: "status", "data-testid": "picker-count" }, [
        w.found.replace("{n}", this.found.length).replace("{all}", this.d.tags.length),
        " · ",
        w.chosen.replace("{n}", this.d.chosen.length).replace("{most}", this.d.most),
      ]),
      h("div", { class: "em-picker-list", tabindex: -1 }, [
        ...groups.map(([name, tags]) => h("fieldset", { class: "em-picker-group" }, [h("legend", name), ...tags.map(this.item)])),
        !shown.length ? h("p", { class: "em-quiet" }, [icon("search_off"), ` ${w.none}`]) : null,
        this.found.length > SHOWN ? h("p", { class: "em-quiet" }, w.more.replace("{n}", this.found.length - SHOWN)) : null,
      ]),
    ]);
  },
};
