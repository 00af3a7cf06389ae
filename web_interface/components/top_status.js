import { h } from "vue";
import { patchable, showChosenTabs } from "energy-kit";

// Ticks of half a second without a connection. The banner moves the page: one that shows only while the page opens, or for a connection
// that is back at once, takes what is about to be clicked from under the pointer.
const SAY_OPENING = 10;
const SAY_LOST = 2;
const ASK_FIRST = 4;
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
  data: () => ({ tick: 0, offset: 0, away: 0 }),
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
      this.listen();
      if (window.socket?.connected) return this.back();
      this.away += 1;
      if (this.away === ASK_FIRST || this.away % ASK_AGAIN === 0) askSession();
      if (this.away >= (this.been ? SAY_LOST : SAY_OPENING)) document.body.classList.add("em-offline");
    }, 500);
  },
  beforeUnmount() {
    clearInterval(this.timer);
    this.heard?.off("connect", this.back);
  },
  methods: {
    // the socket is made after the parts of the page
    listen() {
      if (this.heard || !window.socket) return;
      this.heard = window.socket;
      this.heard.on("connect", this.back);
    },
    // with the connection itself, not at the next tick: by then somebody clicks
    back() {
      this.been = true;
      this.away = 0;
      document.body.classList.remove("em-offline");
    },
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
