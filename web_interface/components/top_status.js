import { h } from "vue";
import { patchable, rich } from "energy-kit";

// The clock of the site and the age of the newest value; both go on when the connection is gone, and then say so.
// data: {now_ms, last_ms, lang, zone, old_s, age: {none, s, min, h}, offline: {text}}; ages contain "{n}"
export default {
  mixins: [patchable],
  data: () => ({ tick: 0, offset: 0, online: true }),
  watch: {
    "d.now_ms"(value) {
      this.offset = value - Date.now();
    },
  },
  created() {
    this.offset = this.d.now_ms - Date.now();
  },
  mounted() {
    this.timer = setInterval(() => {
      this.tick += 1;
      const up = window.socket ? window.socket.connected : true;
      if (up !== this.online) {
        this.online = up;
        document.body.classList.toggle("em-offline", !up);
      }
    }, 500);
  },
  beforeUnmount() {
    clearInterval(this.timer);
  },
  render() {
    void this.tick;
    const d = this.d;
    const now = Date.now() + this.offset;
    const clock = new Intl.DateTimeFormat(d.lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: d.zone }).format(now);
    const age = d.last_ms ? Math.max(0, Math.round((now - d.last_ms) / 1000)) : null;
    const words =
      age === null
        ? d.age.none
        : age < 60
          ? d.age.s.replace("{n}", age)
          : age < 3600
            ? d.age.min.replace("{n}", Math.floor(age / 60))
            : d.age.h.replace("{n}", Math.floor(age / 3600));
    const old = age === null || age > d.old_s;
    return h("div", { class: ["em-status", old && "em-status-old"] }, [
      h("span", { class: "em-clock", "data-testid": "clock" }, clock),
      h("span", { class: "em-age" }, [h("i", { class: "em-dot" }), h("span", { "data-testid": "data-age" }, words)]),
    ]);
  },
};
