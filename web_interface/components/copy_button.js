import { h } from "vue";
import { icon, patchable } from "energy-kit";

// data: {text, label, done}. Works without a secure context too, where the clipboard API is missing.
export default {
  mixins: [patchable],
  data: () => ({ copied: false }),
  methods: {
    async copy() {
      try {
        await navigator.clipboard.writeText(this.d.text);
      } catch {
        const area = document.createElement("textarea");
        area.value = this.d.text;
        area.className = "em-copy-area";
        // inside an open dialog the focus may not leave it
        (this.$el.closest(".q-dialog") || document.body).append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
      }
      this.copied = true;
      setTimeout(() => (this.copied = false), 2000);
    },
  },
  render() {
    return h("button", { type: "button", class: "em-btn", onClick: () => this.copy() }, [
      icon(this.copied ? "done" : "content_copy"),
      h("span", { "aria-live": "polite" }, this.copied ? this.d.done : this.d.label),
    ]);
  },
};
