import { h } from "vue";
import { icon, patchable } from "energy-kit";

// data: {frames: [{n, at, tx, device, hex, bytes, words, sum: "good"|"bad"|"", error}], most, words: {tx, rx, sum_good, sum_bad, empty, region, time, device, frame, meaning}}
// patch({added: [...]}) appends and lets the oldest go; the list stays at its end unless its reader scrolled up.
export default {
  mixins: [patchable],
  methods: {
    patch(changes) {
      const { added, ...rest } = changes;
      Object.assign(this.d, rest);
      if (!added) return;
      const box = this.$el;
      const at_end = !box || box.scrollHeight - box.scrollTop - box.clientHeight < 40;
      this.d.frames = [...this.d.frames, ...added].slice(-this.d.most);
      if (at_end) this.$nextTick(() => (this.$el.scrollTop = this.$el.scrollHeight));
    },
    row(f) {
      const w = this.d.words;
      const sum = f.sum ? [icon(f.sum === "good" ? "check_circle" : "error", `em-cell-icon ${f.sum === "good" ? "em-good" : "em-alarm"}`), h("span", { class: "em-frame-sum" }, f.sum === "good" ? w.sum_good : w.sum_bad)] : [];
      return h("tr", { key: f.n, class: ["em-frame", f.error && "em-frame-wrong"], "data-testid": `frame-${f.n}` }, [
        h("td", { class: "em-mono em-frame-time" }, f.at),
        h("td", { class: ["em-frame-way", f.tx ? "em-frame-tx" : "em-frame-rx"] }, [icon(f.tx ? "arrow_upward" : "arrow_downward"), h("span", f.tx ? w.tx : w.rx)]),
        h("td", f.device),
        h("td", { class: "em-mono em-frame-hex" }, f.hex),
        h("td", { class: "em-frame-words" }, [h("span", f.words), ...sum, f.error ? h("span", { class: "em-alarm em-frame-error" }, f.error) : null]),
      ]);
    },
  },
  mounted() {
    this.$el.scrollTop = this.$el.scrollHeight;
  },
  render() {
    const w = this.d.words;
    const head = [w.time, "", w.device, w.frame, w.meaning].map((name, i) => h("th", { key: i, scope: "col" }, name || h("span", { class: "em-visually-hidden" }, w.way)));
    return h("div", { class: "em-table-box em-frames", tabindex: 0, role: "log", "aria-label": w.region, "aria-live": "off" }, [
      h("table", { class: "em-table" }, [h("thead", h("tr", head)), h("tbody", this.d.frames.map((f) => this.row(f)))]),
      this.d.frames.length ? null : h("div", { class: "em-table-empty" }, w.empty),
    ]);
  },
};
