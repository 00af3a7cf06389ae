import { h } from "vue";
import { patchable, showChosenTabs } from "energy-kit";

const ASK_FIRST = 4; // ticks of half a second without a connection
const ASK_AGAIN = 20;

// A page that was away when its session ended was not told so, and its socket is refused for ever: it asks, and goes to the login.
async function askSession() {
  try {
    const answer = await fetch("/api/session", { headers: { accept: "application/json" }, cache: "no-store" });
    if (answer.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  } catch {
    // no server, no answer: the banner says so
  }
}

// The clock of the site and the age of the newest value; both go on when the connection is gone, and then say so.
// data: {now_ms, last_ms, lang, zone, old_s, age: {none, s, min, h}, offline: {text}}; ages contain "{n}"
export default {
  mixins: [patchable],
  data: () => ({ tick: 0, offset: 0, online: true, away: 0 }),
  watch: {
    "d.now_ms"(value) {
      this.offset = value - Date.now();
    },
  },
  created() {
    this.offset = this.d.now_ms - Date.now();
  },
  mounted() {
    showChosenTabs();
    this.timer = setInterval(() => {
      this.tick += 1;
      const up = window.socket ? window.socket.connected : true;
      this.away = up ? 0 : this.away + 1;
      if (this.away === ASK_FIRST || (this.away > 0 && this.away % ASK_AGAIN === 0)) askSession();
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
