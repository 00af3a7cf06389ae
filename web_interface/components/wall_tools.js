import { h } from "vue";
import { icon, patchable } from "energy-kit";

// data: {leave, full, href}. The cursor and the buttons fade while nobody moves the pointer; a key that reaches a button shows it again.
const REST_MS = 4000;

export default {
  mixins: [patchable],
  mounted() {
    this.onKey = (e) => {
      if (e.key === "Escape" && !e.defaultPrevented && !document.fullscreenElement) location.assign(this.d.href);
    };
    this.onMove = () => {
      document.body.classList.remove("em-wall-idle");
      clearTimeout(this.rest);
      this.rest = setTimeout(() => document.body.classList.add("em-wall-idle"), REST_MS);
    };
    window.addEventListener("keydown", this.onKey);
    window.addEventListener("pointermove", this.onMove);
    this.onMove();
  },
  beforeUnmount() {
    window.removeEventListener("keydown", this.onKey);
    window.removeEventListener("pointermove", this.onMove);
    clearTimeout(this.rest);
    document.body.classList.remove("em-wall-idle");
  },
  methods: {
    full() {
      if (document.fullscreenElement) document.exitFullscreen();
      else document.documentElement.requestFullscreen?.();
    },
  },
  render() {
    const d = this.d;
    return h("div", { class: "em-wall-tools" }, [
      h("button", { type: "button", class: "em-wall-tool", title: d.full, "aria-label": d.full, "data-testid": "wall-full", onClick: () => this.full() }, [icon("fullscreen")]),
      h("a", { class: "em-wall-tool", href: d.href, title: d.leave, "aria-label": d.leave, "data-testid": "wall-leave" }, [icon("close")]),
    ]);
  },
};
