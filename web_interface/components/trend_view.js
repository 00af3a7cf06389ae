import { h } from "vue";
import { echarts } from "nicegui-echart";
import { alarmMark, canvasStyle, followColours, icon, patchable, resolveTokens } from "energy-kit";

// Trends: plots on one time axis, cursor values beside them, quality below. Points come over HTTP (/api/trends), so that zooming
// needs no round through the page.
// data: {tags: [{tag, machine, point, unit, unit_word, digits, plot, right, removed, zero}], window: {from, to, follows, slides},
//        earlier_s, compare, growth, lang, zone, site, words, reasons, letters, href, number}; `number` counts the pictures: a new one loads.
// Events: window({from, to}) after a zoom, remove(tag), axis(unit), add(), loaded(), copied(ok).
const NARROW = 620;
const LEAST_MS = 10_000;
const EARLIEST = Date.UTC(1970, 0, 2);
const LATEST = Date.UTC(2100, 0, 1);
const DASHES = ["solid", [7, 3], [2, 3], [9, 3, 2, 3]];
const COLOURS = ["--s1", "--s2", "--s3", "--s4", "--s5", "--s6"];
const COMPARED = [[4, 3], [10, 4], [2, 4], [9, 3, 2, 3]];
const MOST_LISTED = 6;
const LANE = 9;
const S = 1000;
const M = 60 * S;
const H = 60 * M;
const D = 24 * H;
const STEPS = [S, 2 * S, 5 * S, 10 * S, 15 * S, 30 * S, M, 2 * M, 5 * M, 10 * M, 15 * M, 30 * M, H, 2 * H, 3 * H, 6 * H, 12 * H, D, 2 * D, 5 * D, 10 * D];
const MONTHS = [1, 2, 3, 6, 12, 24, 60, 120, 240];
const LABEL = { gap: "—", bad: "×", uncertain: "?", partial: "?", estimated: "≈" };

const offsets = new Map();
// Offset of a zone from UTC at a time, ms.
function offset(zone, ms) {
  const key = `${zone}${Math.floor(ms / (15 * M))}`;
  if (!offsets.has(key)) {
    const parts = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" }).formatToParts(new Date(ms));
    const p = Object.fromEntries(parts.map((x) => [x.type, Number(x.value)]));
    offsets.set(key, Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute, p.second) - Math.floor(ms / S) * S);
    if (offsets.size > 5000) offsets.delete(offsets.keys().next().value);
  }
  return offsets.get(key);
}

// Round times of the site's clock inside a window: [ms, level], level "time" | "day" | "month" | "year".
export function ticks(from, to, most, zone) {
  const fit = (to - from) / Math.max(1, most);
  const utc = (local) => {
    const first = local - offset(zone, local);
    return local - offset(zone, first);
  };
  const out = [];
  const begin = from + offset(zone, from);
  const step = STEPS.find((s) => s >= fit && s <= 12 * H) ?? (fit <= 14 * D ? STEPS.find((s) => s >= fit && s >= D) : undefined);
  if (step && step < D) {
    for (let at = Math.ceil(begin / step) * step; out.length < 200; at += step) {
      const ms = utc(at);
      if (ms > to) break;
      if (ms >= from) out.push([ms, at % D === 0 ? "day" : "time"]);
    }
    return out;
  }
  const day = new Date(begin);
  if (step) {
    for (let at = Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate()); out.length < 200; at += step) {
      const ms = utc(at);
      if (ms > to) break;
      if (ms >= from) out.push([ms, "day"]);
    }
    return out;
  }
  const many = MONTHS.find((n) => n * 30.4 * D >= fit) ?? 600;
  const start = day.getUTCFullYear() * 12 + day.getUTCMonth();
  for (let n = Math.ceil(start / many) * many; out.length < 200; n += many) {
    const ms = utc(Date.UTC(Math.floor(n / 12), n % 12, 1));
    if (ms > to) break;
    if (ms >= from) out.push([ms, n % 12 === 0 ? "year" : "month"]);
  }
  return out;
}

// The point of a curve that a time belongs to; null where nothing is known.
export function pointAt(curve, ms) {
  const list = curve.points;
  let low = 0;
  let high = list.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle][0] < ms) low = middle + 1;
    else high = middle;
  }
  let best = null;
  for (const p of [list[low - 1], list[low]]) if (p && (!best || Math.abs(p[0] - ms) < Math.abs(best[0] - ms))) best = p;
  if (!best || best[1] === null) return null;
  const reach = curve.width_s ? curve.width_s * 501 : curve.reach;
  return Math.abs(best[0] - ms) <= reach ? best : null;
}

const dashOf = (type) => (type === "solid" ? undefined : type.join(" "));

export default {
  mixins: [patchable],
  emits: ["window", "remove", "axis", "add", "loaded", "copied"],
  data() {
    return { curves: [], compared: [], alerts: [], win: null, cursor: null, spot: [], state: "loading", keyed: false, drag: null, selection: null, nav: "", wide: true, settled: true };
  },
  async mounted() {
    this.base = { ...this.d.window };
    this.win = { from: this.base.from, to: this.base.to };
    await Promise.race([document.fonts.ready, new Promise((r) => setTimeout(r, 800))]);
    if (!this.$el.isConnected) return;
    this.chart = echarts.init(this.$refs.chart, null, { renderer: "canvas" });
    this.sizes = new ResizeObserver(() => {
      this.chart?.resize();
      this.draw();
    });
    this.sizes.observe(this.$refs.chart);
    this.forget = followColours(() => this.draw());
    this.$refs.pad.addEventListener("wheel", this.onWheel, { passive: false });
    this.load();
  },
  beforeUnmount() {
    this.gone = true;
    clearTimeout(this.later);
    clearTimeout(this.told);
    clearTimeout(this.follow);
    this.asked?.abort();
    this.sizes?.disconnect();
    this.forget?.();
    this.chart?.dispose();
  },
  computed: {
    zoomed() {
      return this.win && (Math.abs(this.win.from - this.base.from) > 500 || Math.abs(this.win.to - this.base.to) > 500);
    },
    shownAt() {
      return this.cursor;
    },
  },
  methods: {
    // ---- from the page ------------------------------------------------------------------------------------------
    patch(changes) {
      const old = this.d.number;
      Object.assign(this.d, changes);
      if (changes.href) window.history.replaceState(window.history.state, "", changes.href);
      if (changes.href && this.waiting) this.settled = true;
      if (this.d.number === old) return this.draw();
      if (changes.window) {
        this.base = { ...this.d.window };
        this.win = { from: this.base.from, to: this.base.to };
        this.nav = "";
      }
      this.cursor = null;
      this.curves = this.curves.filter((c) => this.d.tags.some((t) => t.tag === c.tag));
      this.compared = [];
      this.load();
    },
    async copy() {
      const text = window.location.href;
      let ok = true;
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        const box = document.createElement("textarea"); // without https the clipboard is not there
        box.value = text;
        document.body.append(box);
        box.select();
        ok = document.execCommand("copy");
        box.remove();
      }
      this.$emit("copied", ok);
    },
    png(name) {
      const style = getComputedStyle(document.body);
      const token = (n) => style.getPropertyValue(n).trim();
      const image = new Image();
      const ratio = 2;
      image.onload = () => {
        const rows = this.d.tags.length + (this.compared.length ? 1 : 0);
        const head = 34;
        const foot = 14 + rows * 20;
        const width = this.chart.getWidth();
        const height = this.chart.getHeight();
        const sheet = document.createElement("canvas");
        sheet.width = width * ratio;
        sheet.height = (height + head + foot) * ratio;
        const pen = sheet.getContext("2d");
        pen.scale(ratio, ratio);
        pen.fillStyle = token("--surface");
        pen.fillRect(0, 0, width, height + head + foot);
        pen.fillStyle = token("--text");
        pen.font = "600 14px Inter, sans-serif";
        pen.fillText(`${this.d.site} · ${this.span(this.win.from, this.win.to)} (${this.d.zone})`, 12, 22);
        pen.drawImage(image, 0, head, width, height);
        pen.font = "400 12px Inter, sans-serif";
        const line = (y, colour, dash, words) => {
          pen.strokeStyle = colour;
          pen.lineWidth = 2;
          pen.setLineDash(dash === "solid" ? [] : dash);
          pen.beginPath();
          pen.moveTo(14, y - 4);
          pen.lineTo(42, y - 4);
          pen.stroke();
          pen.fillStyle = token("--text");
          pen.fillText(words, 52, y);
        };
        this.d.tags.forEach((t, i) => {
          const c = this.curves.find((x) => x.tag === t.tag);
          const sums = c && c.min !== null ? ` · ${this.d.words.range.replace("{low}", this.figure(c.min, t)).replace("{high}", this.figure(c.max, t))}` : "";
          line(head + height + 16 + i * 20, token(this.look(i).colour), this.look(i).dash, `${t.machine} · ${t.point}, ${t.unit_word}${sums}`);
        });
        if (this.compared.length) line(head + height + 16 + this.d.tags.length * 20, token("--text3"), COMPARED[0], this.d.compare);
        const link = document.createElement("a");
        link.download = name;
        link.href = sheet.toDataURL("image/png");
        link.click();
      };
      image.src = this.chart.getDataURL({ pixelRatio: ratio, backgroundColor: token("--surface") });
    },

    // ---- loading ------------------------------------------------------------------------------------------------
    query() {
      const q = new URLSearchParams();
      for (const t of this.d.tags) q.append("tag", t.tag);
      q.set("from", new Date(Math.round(this.win.from)).toISOString());
      q.set("to", new Date(Math.round(this.win.to)).toISOString());
      if (this.d.earlier_s) q.set("earlier_s", Math.round(this.d.earlier_s));
      if (this.d.growth) q.set("counters", "growth");
      q.set("language", this.d.lang);
      return q;
    },
    async load(quiet = false) {
      clearTimeout(this.later);
      clearTimeout(this.follow);
      this.asked?.abort();
      if (!this.d.tags.length) {
        this.curves = [];
        this.alerts = [];
        this.state = "empty";
        this.draw();
        return;
      }
      const asked = (this.asked = new AbortController());
      if (!quiet) this.state = "loading";
      try {
        const answer = await fetch(`/api/trends?${this.query()}`, { signal: asked.signal, headers: { accept: "application/json" } });
        if (answer.status === 401) return window.location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
        if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail || `HTTP ${answer.status}`);
        const got = await answer.json();
        if (this.gone || asked !== this.asked) return;
        this.now = Date.parse(got.now);
        this.lag = this.now - Date.now();
        const byTag = new Map(this.d.tags.map((t) => [t.tag, t]));
        const ready = (list) => list.filter((c) => byTag.has(c.tag)).map((c) => Object.freeze({ ...c, reach: Math.max(S, byTag.get(c.tag).interval_s * 3500) }));
        this.curves = ready(got.curves);
        this.compared = ready(got.compared);
        this.alerts = got.alerts;
        this.state = this.curves.every((c) => !c.points.some((p) => p[1] !== null)) ? "nothing" : "ready";
        if (!this.zoomed) this.nav = this.overview();
      } catch (fault) {
        if (fault.name === "AbortError" || this.gone) return;
        this.fault = String(fault.message || fault);
        this.state = "failed";
      }
      this.draw();
      this.$emit("loaded");
      this.schedule();
    },
    // While the window reaches to now: again, the sooner the finer the tier.
    schedule() {
      clearTimeout(this.follow);
      const now = Date.now() + (this.lag || 0);
      if (this.gone || !this.live(now)) return;
      const width = Math.min(...this.curves.map((c) => c.width_s || 0), 3600);
      const wait = this.state === "failed" ? 10 * S : Math.min(60 * S, Math.max(3 * S, width * 250));
      this.follow = setTimeout(() => {
        if (document.hidden || this.drag) return this.schedule();
        if (this.base.slides && !this.zoomed) {
          const by = Date.now() + (this.lag || 0) - this.base.to;
          this.base = { ...this.base, from: this.base.from + by, to: this.base.to + by };
          this.win = { from: this.base.from, to: this.base.to };
        }
        this.load(true);
      }, wait);
    },
    live(now) {
      return this.win && this.d.tags.length > 0 && this.win.to >= now - 90 * S && this.win.from < now && (this.base.follows || this.win.to >= now);
    },

    // ---- window -------------------------------------------------------------------------------------------------
    go(from, to) {
      const most = LATEST - EARLIEST;
      let width = Math.min(most, Math.max(LEAST_MS, to - from));
      const middle = (from + to) / 2;
      from = Math.max(EARLIEST, middle - width / 2);
      to = Math.min(LATEST, from + width);
      this.win = { from, to };
      this.settled = this.waiting = false; // until the address says it too
      this.draw();
      clearTimeout(this.later);
      clearTimeout(this.follow);
      this.later = setTimeout(() => this.load(true), 160);
      clearTimeout(this.told);
      this.told = setTimeout(() => {
        this.waiting = true;
        this.$emit("window", this.zoomed ? { from: Math.round(this.win.from), to: Math.round(this.win.to) } : null);
      }, 350);
    },
    zoom(factor, at = null) {
      const { from, to } = this.win;
      const pivot = at ?? this.cursor ?? (from + to) / 2;
      this.go(pivot - (pivot - from) * factor, pivot + (to - pivot) * factor);
    },
    pan(share) {
      const by = (this.win.to - this.win.from) * share;
      this.go(this.win.from + by, this.win.to + by);
    },
    reset() {
      this.go(this.base.from, this.base.to);
    },
    msAt(x) {
      const [left, width] = this.inner();
      return this.win.from + ((x - left) / width) * (this.win.to - this.win.from);
    },
    xAt(ms) {
      const [left, width] = this.inner();
      return left + ((ms - this.win.from) / (this.win.to - this.win.from)) * width;
    },
    inner() {
      const room = this.$refs.chart?.clientWidth || 600;
      const { left, right } = this.margins();
      return [left, Math.max(40, room - left - right)];
    },
    margins() {
      const narrow = (this.$refs.chart?.clientWidth || 600) < NARROW;
      const right = this.d.tags.some((t) => t.right);
      return { left: narrow ? 44 : 54, right: right ? (narrow ? 44 : 54) : narrow ? 12 : 20 };
    },

    // ---- hands --------------------------------------------------------------------------------------------------
    onWheel(e) {
      e.preventDefault();
      const box = this.$refs.pad.getBoundingClientRect();
      if (Math.abs(e.deltaX) > Math.abs(e.deltaY)) this.pan(Math.sign(e.deltaX) * 0.08);
      else this.zoom(e.deltaY > 0 ? 1.25 : 0.8, this.msAt(e.clientX - box.left));
    },
    onDown(e) {
      if (e.button || e.target.closest(".em-trend-cover :is(button, summary), .em-trend-alert")) return; // a captured pointer would click nothing
      const box = this.$refs.pad.getBoundingClientRect();
      this.fingers = { ...(this.fingers || {}), [e.pointerId]: e.clientX - box.left };
      this.$refs.pad.setPointerCapture?.(e.pointerId);
      const x = e.clientX - box.left;
      this.drag = { x, from: this.win.from, to: this.win.to, select: e.shiftKey, moved: false };
      this.keyed = false;
    },
    onMove(e) {
      const box = this.$refs.pad.getBoundingClientRect();
      const x = e.clientX - box.left;
      const [left, width] = this.inner();
      if (this.fingers && e.pointerId in this.fingers) {
        const before = { ...this.fingers };
        this.fingers[e.pointerId] = x;
        const ids = Object.keys(this.fingers);
        if (ids.length === 2) {
          const [a, b] = ids;
          const wide = Math.abs(before[a] - before[b]) / Math.max(20, Math.abs(this.fingers[a] - this.fingers[b]));
          this.drag = null;
          this.zoom(wide, this.msAt((this.fingers[a] + this.fingers[b]) / 2));
          return;
        }
      }
      if (this.drag) {
        const by = x - this.drag.x;
        if (Math.abs(by) > 3) this.drag.moved = true;
        if (this.drag.moved && this.drag.select) this.selection = [Math.min(x, this.drag.x), Math.abs(by)];
        else if (this.drag.moved) {
          const ms = (-by / width) * (this.drag.to - this.drag.from);
          this.go(this.drag.from + ms, this.drag.to + ms);
        }
        if (this.drag.moved) return;
      }
      this.point(x >= left && x <= left + width ? this.msAt(x) : null);
    },
    onUp(e) {
      const box = this.$refs.pad.getBoundingClientRect();
      const x = e.clientX - box.left;
      if (this.fingers) delete this.fingers[e.pointerId];
      if (this.drag?.select && this.selection && this.selection[1] > 8) {
        const [at, wide] = this.selection;
        this.go(this.msAt(at), this.msAt(at + wide));
      } else if (this.drag && !this.drag.moved) this.point(this.msAt(x));
      this.drag = null;
      this.selection = null;
    },
    onLeave(e) {
      if (e.pointerType === "mouse" && !this.drag && !this.keyed) this.point(null);
    },
    onKey(e) {
      const step = (this.win.to - this.win.from) / 200;
      const acts = {
        "+": () => this.zoom(0.5),
        "=": () => this.zoom(0.5),
        "-": () => this.zoom(2),
        0: () => this.reset(),
        Escape: () => (this.cursor === null ? this.reset() : this.point(null)),
        PageUp: () => this.pan(-0.8),
        PageDown: () => this.pan(0.8),
        Home: () => this.keyPoint(this.win.from),
        End: () => this.keyPoint(Math.min(this.win.to, this.now || this.win.to)),
        ArrowLeft: () => (e.shiftKey ? this.pan(-0.2) : this.keyPoint((this.cursor ?? this.win.to) - step)),
        ArrowRight: () => (e.shiftKey ? this.pan(0.2) : this.keyPoint((this.cursor ?? this.win.from) + step)),
      };
      if (!acts[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
      e.preventDefault();
      acts[e.key]();
    },
    keyPoint(ms) {
      this.keyed = true;
      this.point(Math.min(this.win.to, Math.max(this.win.from, ms)));
    },
    point(ms) {
      this.cursor = ms;
      this.place();
    },
    // dots on the curves at the cursor
    place() {
      if (this.cursor === null || !this.chart || !this.plots) {
        this.spot = [];
        return;
      }
      if (this.cursor < this.win.from || this.cursor > this.win.to) this.cursor = null;
      const out = [];
      const put = (list, colourOf, ring) => {
        for (const c of list) {
          const i = this.d.tags.findIndex((t) => t.tag === c.tag);
          const p = this.cursor === null || i < 0 ? null : pointAt(c, this.cursor);
          if (!p) continue;
          const axis = this.axisOf.get(this.d.tags[i].unit);
          const at = this.chart.convertToPixel({ xAxisIndex: this.d.tags[i].plot, yAxisIndex: axis }, [this.cursor, p[1]]);
          if (at && Number.isFinite(at[1])) out.push([at[1], colourOf(i), ring]);
        }
      };
      put(this.compared, () => "--text3", true);
      put(this.curves, (i) => this.look(i).colour, false);
      this.spot = out;
    },

    // ---- drawing ------------------------------------------------------------------------------------------------
    look(i) {
      const plot = this.d.tags[i].plot;
      const among = this.d.tags.slice(0, i).filter((t) => t.plot === plot).length;
      return { colour: COLOURS[i % COLOURS.length], dash: DASHES[among % DASHES.length], among };
    },
    draw() {
      if (!this.chart || !this.win) return;
      const room = this.$refs.chart.clientHeight;
      const width = this.$refs.chart.clientWidth;
      if (!room || !width) return;
      this.wide = width >= NARROW;
      const plots = Math.max(1, ...this.d.tags.map((t) => t.plot + 1));
      this.plots = plots;
      const { left, right } = this.margins();
      const head = 26;
      const foot = 26;
      const each = Math.max(60, (room - foot - head * plots) / plots);
      const grid = Array.from({ length: plots }, (_, i) => ({ left, right, top: head + i * (each + head), height: each - (i < plots - 1 ? 4 : 0) }));
      const named = ticks(this.win.from, this.win.to, Math.max(2, Math.floor((width - left - right) / (this.wide ? 84 : 74))), this.d.zone);
      const at = new Map(named.map(([ms, level]) => [ms, this.tick(ms, level)]));
      const label = { color: "var(--text3)", fontSize: 12, fontFamily: "Inter", margin: 8, hideOverlap: true };
      const xAxis = grid.map((_, i) => ({
        type: "value", gridIndex: i, min: this.win.from, max: this.win.to, axisLine: { lineStyle: { color: "var(--line)" }, onZero: false },
        axisLabel: { ...label, show: i === plots - 1, customValues: named.map((t) => t[0]), formatter: (ms) => at.get(ms) ?? "" },
        axisTick: { show: i === plots - 1, customValues: named.map((t) => t[0]), lineStyle: { color: "var(--line)" } },
        splitLine: { show: false },
      }));
      const series = [];
      const yAxis = [];
      this.axisOf = new Map();
      for (const t of this.d.tags) if (!this.axisOf.has(t.unit)) yAxis.push(this.yAxis(t, this.axisOf.set(t.unit, yAxis.length)));
      if (!yAxis.length) yAxis.push({ type: "value", gridIndex: 0, show: false });
      grid.forEach((_, i) => {
        if (!yAxis.some((y) => y.gridIndex === i)) yAxis.push({ type: "value", gridIndex: i, show: false });
      });
      // lines at the ticks, drawn once a plot and under everything
      grid.forEach((_, i) => series.push({ name: "_ticks", type: "line", data: [], xAxisIndex: i, yAxisIndex: yAxis.findIndex((y) => y.gridIndex === i), silent: true, markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: "var(--line)", type: "solid", width: 1 }, data: named.map(([ms]) => ({ xAxis: ms })) }, markArea: this.areas(i, grid[i]) }));
      this.compared.forEach((c) => this.push(series, c, true));
      this.curves.forEach((c) => this.push(series, c, false));
      const options = { animation: false, textStyle: { fontFamily: "Inter, sans-serif" }, grid, xAxis, yAxis, series, tooltip: { show: false } };
      this.chart.setOption(resolveTokens(options, canvasStyle()), { notMerge: true });
      this.place();
    },
    yAxis(t) {
      const own = this.d.tags.filter((x) => x.unit === t.unit);
      const single = own.length === 1 ? `var(${this.look(this.d.tags.indexOf(t)).colour})` : "var(--text2)";
      const figure = new Intl.NumberFormat(this.d.lang, { maximumSignificantDigits: 6 });
      const free = !own.every((x) => x.zero) && !(this.d.growth && own.every((x) => x.counter));
      const spread = this.spread(own, free);
      return {
        type: "value", gridIndex: t.plot, position: t.right ? "right" : "left", ...spread,
        name: this.unitName(t), nameLocation: "end", nameGap: 9,
        nameTextStyle: { color: single, fontSize: 12, fontWeight: 600, fontFamily: "Inter", align: t.right ? "right" : "left", padding: t.right ? [0, -44, 0, 0] : [0, 0, 0, -44] },
        axisLine: { show: true, lineStyle: { color: "var(--line)" } }, axisTick: { show: false },
        splitLine: { show: !t.right, lineStyle: { color: "var(--line)" } },
        axisLabel: { color: "var(--text3)", fontSize: 12, fontFamily: "Inter", formatter: (v) => figure.format(Math.abs(v) < 1e-9 ? 0 : v).replace("-", "\u2212") },
      };
    },
    unitName(t) {
      const step = this.curves.find((c) => c.tag === t.tag)?.step;
      if (this.d.growth && t.counter && step) return `${t.unit_word} / ${this.d.words[`step_${step}`]}`;
      if (t.unit_word) return t.unit_word;
      const points = new Set(this.d.tags.filter((x) => x.unit === t.unit).map((x) => x.point));
      return points.size === 1 ? t.point : this.d.words.no_unit;
    },
    // round ends and step: three to five ticks over all curves of the unit; zero is kept for power and energy
    spread(own, free) {
      const names = new Set(own.map((t) => t.tag));
      let low = Infinity;
      let high = -Infinity;
      for (const c of [...this.curves, ...this.compared])
        if (names.has(c.tag))
          for (const p of c.points)
            if (p[1] !== null && p[0] >= this.win.from && p[0] <= this.win.to) {
              low = Math.min(low, p[2] ?? p[1]);
              high = Math.max(high, p[3] ?? p[1]);
            }
      if (low > high) return { min: 0, max: 1, interval: 0.5 };
      if (!free) {
        low = Math.min(0, low);
        high = Math.max(0, high);
      }
      const wide = Math.max(high - low, Math.abs(high) * 0.01, 1e-6);
      const raw = wide / 4;
      const power = 10 ** Math.floor(Math.log10(raw));
      const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((s) => s >= raw * 0.999);
      const min = Math.floor(low / step + 1e-9) * step;
      const max = Math.max(min + step, Math.ceil(high / step - 1e-9) * step);
      return { min, max, interval: step };
    },
    push(series, c, compared) {
      const i = this.d.tags.findIndex((t) => t.tag === c.tag);
      if (i < 0) return;
      const t = this.d.tags[i];
      const { colour, dash, among } = this.look(i);
      const paint = compared ? "var(--text3)" : `var(${colour})`;
      const axes = { xAxisIndex: t.plot, yAxisIndex: this.axisOf.get(t.unit) };
      const banded = c.columns.length > 2;
      if (banded && !compared) series.push({ name: "_band", type: "custom", ...axes, silent: true, z: 2, clip: true, data: this.runs(c).map((run, n) => [run[0][0], run[0][1], n]), renderItem: this.band(this.runs(c)), itemStyle: { color: paint, opacity: 0.18 } });
      const alone = !banded && !compared && this.d.tags.filter((x) => x.plot === t.plot).length === 1 && t.zero;
      series.push({
        name: t.tag, type: "line", ...axes, data: c.points.map((p) => [p[0], p[1]]), silent: true, z: compared ? 3 : 4 + i * 0.01, symbol: c.points.length < 3 ? "circle" : "none", symbolSize: 5,
        showSymbol: c.points.length < 3, connectNulls: false, clip: true, step: this.d.growth && t.counter ? "middle" : false,
        lineStyle: { color: paint, width: compared ? 1.5 : 2.2, type: compared ? COMPARED[among % COMPARED.length] : dash, join: "round" },
        itemStyle: { color: paint }, areaStyle: alone ? { color: paint, opacity: "var(--area)" } : undefined,
      });
    },
    runs(c) {
      const out = [];
      let run = [];
      for (const p of c.points) {
        if (p[1] === null || p[2] === null) {
          if (run.length) out.push(run);
          run = [];
        } else run.push(p);
      }
      if (run.length) out.push(run);
      return out;
    },
    band(runs) {
      return (_params, api) => {
        const run = runs[api.value(2)];
        if (!run) return null;
        const top = run.map((p) => api.coord([p[0], p[3]]));
        const bottom = run.map((p) => api.coord([p[0], p[2]])).reverse();
        if (run.length === 1) {
          const x = top[0][0];
          return { type: "rect", shape: { x: x - 1.5, y: top[0][1], width: 3, height: Math.max(1, bottom[0][1] - top[0][1]) }, style: api.style() };
        }
        return { type: "polygon", shape: { points: [...top, ...bottom] }, style: api.style() };
      };
    },
    // marks of all curves of a plot; the same stretch of several is drawn once
    areas(plot, grid) {
      const found = new Map();
      const own = this.curves.filter((c) => this.d.tags.find((x) => x.tag === c.tag)?.plot === plot);
      own.forEach((c, lane) => {
        for (const m of c.marks) {
          const key = `${m.kind}${Math.round(this.xAt(m.from_ms) / 3)}${Math.round(this.xAt(m.to_ms) / 3)}`;
          if (!found.has(key)) found.set(key, { ...m, lane, of: 0 });
          found.get(key).of += 1;
        }
      });
      const style = {
        gap: { color: "hatch(--st-nodata)" },
        bad: { color: "hatch(--st-nodata)", borderColor: "var(--st-nodata)", borderWidth: 1, borderType: "dashed" },
        uncertain: { color: "wash(--suspect)", borderColor: "var(--suspect)", borderWidth: 1.2, borderType: "dashed" },
        partial: { color: "transparent", borderColor: "var(--suspect)", borderWidth: 1.2, borderType: "dotted" },
        estimated: { color: "stripe(--text3)" },
      };
      const taken = [];
      const data = [...found.values()].sort((a, b) => b.to_ms - b.from_ms - (a.to_ms - a.from_ms)).map((m) => {
        const from = Math.max(m.from_ms, this.win.from);
        const to = Math.min(m.to_ms, this.win.to);
        const x1 = this.xAt(from);
        const x2 = this.xAt(to);
        const long = this.wide && x2 - x1 > 110;
        const free = !taken.some(([a, b]) => x1 < b && x2 > a);
        if (free && x2 > x1) taken.push([x1, Math.max(x2, x1 + 14)]);
        const name = !free || to <= from ? "" : long ? `${this.d.words[m.kind]} ${this.duration(m.to_ms - m.from_ms)}` : LABEL[m.kind];
        const end = Math.max(m.to_ms, m.from_ms + (this.win.to - this.win.from) / 500);
        if (m.of === own.length) return [{ xAxis: m.from_ms, name, itemStyle: style[m.kind] }, { xAxis: end }];
        const top = grid.top + 2 + m.lane * LANE; // not of all: a lane of its own above, so that the others stay readable
        return [{ xAxis: m.from_ms, y: top, name: "", itemStyle: style[m.kind] }, { xAxis: end, y: top + LANE - 2 }];
      });
      return { silent: true, label: { position: "insideTop", distance: 4, color: "var(--text2)", fontSize: 12, fontFamily: "Inter", backgroundColor: "var(--surface)", padding: [1, 4], borderRadius: 3 }, data };
    },
    overview() {
      const c = this.curves[0];
      if (!c || !c.points.length) return "";
      const { from, to } = this.win;
      const known = c.points.filter((p) => p[1] !== null);
      if (!known.length) return "";
      const low = Math.min(0, ...known.map((p) => p[1]));
      const high = Math.max(...known.map((p) => p[1]), low + 1e-9);
      let pen = false;
      let path = "";
      const many = Math.max(1, Math.floor(c.points.length / 400));
      c.points.forEach((p, n) => {
        if (p[1] === null) pen = false;
        else if (n % many === 0) {
          path += `${pen ? "L" : "M"}${(((p[0] - from) / (to - from)) * 1000).toFixed(1)} ${(28 - ((p[1] - low) / (high - low)) * 24).toFixed(1)}`;
          pen = true;
        }
      });
      return path;
    },

    // ---- words --------------------------------------------------------------------------------------------------
    figure(v, t) {
      if (v === null || v === undefined) return "—";
      const a = Math.abs(v);
      const digits = t.digits ?? (a >= 1000 ? 0 : a >= 100 ? 1 : a >= 10 ? 1 : a >= 1 ? 2 : 3);
      return new Intl.NumberFormat(this.d.lang, { minimumFractionDigits: Math.min(digits, 3), maximumFractionDigits: Math.min(digits, 3) }).format(v).replace("-", "\u2212").replace(/^\u22120([.,]0*)?$/, "0$1");
    },
    format(options) {
      return new Intl.DateTimeFormat(this.d.lang === "en" ? "en-GB" : this.d.lang, { timeZone: this.d.zone, hourCycle: "h23", ...options });
    },
    tick(ms, level) {
      if (level === "year") return this.format({ year: "numeric" }).format(ms);
      if (level === "month") return this.format({ month: "short", year: "2-digit" }).format(ms).replace(" г.", "");
      if (level === "day") return this.date(ms);
      return this.clock(ms, this.win.to - this.win.from < 10 * M);
    },
    date(ms, year = false) {
      const own = this.d.lang === "ru" ? { day: "2-digit", month: "2-digit" } : { day: "numeric", month: "short" };
      return this.format(year ? { ...own, year: "numeric" } : own).format(ms);
    },
    clock(ms, seconds = false) {
      return this.format({ hour: "2-digit", minute: "2-digit", ...(seconds ? { second: "2-digit" } : {}) }).format(ms);
    },
    moment(ms) {
      const short = this.win.to - this.win.from < 2 * D;
      return this.clock(ms, this.win.to - this.win.from < 2 * H) + (short ? "" : `, ${this.date(ms, this.win.to - this.win.from > 200 * D)}`);
    },
    span(from, to) {
      const midnight = (ms) => this.clock(ms) === "00:00";
      if (midnight(from) && midnight(to) && to - from >= 23 * H) {
        const [first, last] = [this.date(from, true), this.date(to - H, true)];
        return first === last ? first : `${first} – ${last}`;
      }
      const same = this.date(from, true) === this.date(to - 1, true);
      const fine = to - from < 10 * M;
      return same ? `${this.date(from, true)}, ${this.clock(from, fine)}–${this.clock(to, fine)}` : `${this.date(from, true)} ${this.clock(from)} – ${this.date(to, true)} ${this.clock(to)}`;
    },
    duration(ms) {
      const w = this.d.words;
      const say = (n, unit) => w[`d_${unit}`].replace("{v}", n);
      const whole = Math.max(0, Math.round(ms / S));
      if (whole < 60) return say(whole, "s");
      if (whole < 5400) return say(Math.round(whole / 60), "min");
      if (whole < 172_800) return say(Math.floor(whole / 3600), "h") + (Math.round((whole % 3600) / 60) ? `\u00a0${say(Math.round((whole % 3600) / 60), "min")}` : "");
      return say(Math.round(whole / 86_400).toLocaleString(this.d.lang), "d");
    },
    markWords(m) {
      const w = this.d.words;
      if (m.reason) return `${w[m.kind]}: ${this.d.reasons[m.reason] || m.reason}`;
      if (m.kind === "partial") return w.partial_share.replace("{share}", Math.min(99.9, Math.round(m.share * 1000) / 10).toLocaleString(this.d.lang));
      return w[m.kind];
    },
    at(curve) {
      if (!curve) return { point: null, mark: null };
      const ms = this.cursor;
      const point = ms === null ? [...curve.points].reverse().find((p) => p[1] !== null) || null : pointAt(curve, ms);
      const when = ms === null ? point?.[0] : ms;
      const marks = when === undefined || when === null ? [] : curve.marks.filter((m) => m.from_ms <= when && when < m.to_ms);
      const order = ["bad", "gap", "uncertain", "partial", "estimated"];
      return { point, mark: marks.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))[0] || null };
    },

    // ---- panel --------------------------------------------------------------------------------------------------
    line(colour, dash) {
      return h("svg", { class: "em-trend-line", viewBox: "0 0 28 8", "aria-hidden": "true" }, [
        h("line", { x1: 0, x2: 28, y1: 4, y2: 4, stroke: `var(${colour})`, "stroke-width": 2.4, "stroke-dasharray": dashOf(dash) }),
      ]);
    },
    row(t, i) {
      const w = this.d.words;
      const curve = this.curves.find((c) => c.tag === t.tag);
      const other = this.compared.find((c) => c.tag === t.tag);
      const { point, mark } = this.at(curve);
      const { colour, dash, among } = this.look(i);
      const growth = this.d.growth && t.counter;
      const lines = [];
      if (curve && curve.min !== null) {
        let words = w.range.replace("{low}", this.figure(curve.min, t)).replace("{high}", this.figure(curve.max, t));
        if (curve.mean !== null && !t.counter) words += `, ${w.mean.replace("{mean}", this.figure(curve.mean, t))}`;
        if (t.counter && curve.growth !== null) words += `, ${w.grown.replace("{growth}", `${this.figure(curve.growth, t)}\u00a0${t.unit_word}`)}`;
        lines.push(h("div", { class: "em-trend-fact" }, words));
      } else if (curve && this.state !== "loading") lines.push(h("div", { class: "em-trend-fact" }, w.no_values));
      if (point && point.length > 2 && point[2] !== null && this.cursor !== null && !growth)
        lines.push(h("div", { class: "em-trend-fact" }, w.bucket.replace("{step}", w[`step_${curve.step}`]).replace("{low}", this.figure(point[2], t)).replace("{high}", this.figure(point[3], t))));
      if (mark) lines.push(h("div", { class: `em-trend-doubt em-trend-${mark.kind}`, "data-testid": `doubt-${t.tag}` }, [h("b", { "aria-hidden": "true" }, LABEL[mark.kind]), ` ${this.markWords(mark)}`]));
      if (t.removed) lines.push(h("div", { class: "em-trend-doubt" }, [icon("history"), ` ${w.removed}`]));
      const rows = [
        h("div", { class: "em-trend-row-head" }, [
          this.line(colour, dash),
          h("div", { class: "em-trend-name" }, [h("b", t.machine), h("span", ` · ${t.point}`)]),
          h("div", { class: "em-trend-value", "data-testid": `value-${t.tag}` }, [h("b", this.figure(point?.[1], t)), point ? h("span", ` ${t.unit_word}`) : null]),
        ]),
        h("div", { class: "em-trend-row-more" }, [
          h("div", { class: "em-trend-facts" }, lines),
          h("div", { class: "em-trend-row-acts" }, [
            this.units > 1 ? h("button", { type: "button", class: "em-btn em-btn-quiet em-btn-icon em-btn-small", title: t.right ? w.axis_left : w.axis_right, "aria-label": `${t.unit_word}: ${t.right ? w.axis_left : w.axis_right}`, onClick: () => this.$emit("axis", t.unit) }, icon(t.right ? "align_horizontal_right" : "align_horizontal_left")) : null,
            h("button", { type: "button", class: "em-btn em-btn-quiet em-btn-icon em-btn-small", title: w.remove, "aria-label": `${w.remove}: ${t.machine}, ${t.point}`, "data-testid": `remove-${t.tag}`, onClick: () => this.$emit("remove", t.tag) }, icon("close")),
          ]),
        ]),
      ];
      if (other) {
        const then = this.cursor === null && point ? pointAt(other, point[0]) : this.at(other).point;
        const delta = point && then ? point[1] - then[1] : null;
        const amount = delta === null ? null : this.figure(Math.abs(delta), t);
        const words = amount === null ? "" : Number(amount.replace(/[^\d]/g, "")) === 0 ? w.same : (delta > 0 ? w.higher : w.lower).replace("{delta}", `${amount}\u00a0${t.unit_word}`);
        rows.push(h("div", { class: "em-trend-row-head em-trend-compared", "data-testid": `compared-${t.tag}` }, [
          this.line("--text3", COMPARED[among % COMPARED.length]),
          h("div", { class: "em-trend-name" }, [this.d.compare, h("span", { class: "em-trend-fact" }, words)]),
          h("div", { class: "em-trend-value" }, [this.figure(then?.[1], t), then ? h("span", ` ${t.unit_word}`) : null]),
        ]));
      }
      return h("li", { key: t.tag, class: "em-trend-row", "data-testid": `row-${t.tag}` }, rows);
    },
    quality() {
      const w = this.d.words;
      const all = [];
      for (const c of this.curves) {
        const t = this.d.tags.find((x) => x.tag === c.tag);
        if (t) for (const m of c.marks) all.push({ m, t });
      }
      const merged = new Map();
      for (const { m, t } of all) {
        const key = `${m.kind}|${m.reason}|${Math.round(m.from_ms / 2000)}|${Math.round(m.to_ms / 2000)}`;
        if (merged.has(key)) merged.get(key).names.push(t);
        else merged.set(key, { m, names: [t] });
      }
      const list = [...merged.values()].sort((a, b) => b.m.to_ms - b.m.from_ms - (a.m.to_ms - a.m.from_ms));
      const shown = list.slice(0, MOST_LISTED).sort((a, b) => a.m.from_ms - b.m.from_ms);
      return h("section", { class: "em-trend-quality", "data-testid": "trend-quality" }, [
        h("h3", w.quality),
        list.length === 0
          ? h("div", { class: "em-trend-fact" }, this.state === "ready" ? w.all_good : "—")
          : h("ul", shown.map(({ m, names }) => h("li", { class: `em-trend-item em-trend-${m.kind}` }, [
              h("span", { class: `em-trend-swatch em-trend-swatch-${m.kind}`, "aria-hidden": "true" }, LABEL[m.kind]),
              h("button", { type: "button", class: "em-trend-jump", title: w.jump, onClick: () => this.jump(m) }, [
                h("span", { class: "em-trend-when" }, this.moment(m.from_ms)),
                h("span", ` ${names.length === 1 ? `${names[0].machine} · ${names[0].point}` : w.several.replace("{n}", names.length)}: ${this.markWords(m)}`),
              ]),
              h("span", { class: "em-trend-length" }, this.duration(m.to_ms - m.from_ms)),
            ]))),
        list.length > MOST_LISTED ? h("div", { class: "em-trend-fact" }, w.more_marks.replace("{n}", list.length - MOST_LISTED)) : null,
      ]);
    },
    jump(m) {
      const room = Math.max(2 * (m.to_ms - m.from_ms), 5 * M);
      this.go(m.from_ms - room / 2, m.to_ms + room / 2);
    },
    tools() {
      const w = this.d.words;
      const tool = (name, label, act, testid, off = false) => h("button", { type: "button", class: "em-btn em-btn-icon em-btn-small", title: label, "aria-label": label, "data-testid": testid, disabled: off || undefined, onClick: act }, icon(name));
      return h("div", { class: "em-trend-tools", role: "toolbar", "aria-label": w.tools }, [
        h("span", { class: "em-trend-span", "data-testid": "trend-span" }, this.win ? this.span(this.win.from, this.win.to) : ""),
        h("span", { class: "em-trend-step", "data-testid": "trend-step" }, this.stepWords()),
        this.win && this.live(Date.now() + (this.lag || 0)) ? h("span", { class: "em-trend-live", "data-testid": "trend-live" }, [h("i", { class: "em-trend-pulse", "aria-hidden": "true" }), w.live]) : null,
        h("span", { class: "em-trend-gap" }),
        tool("chevron_left", w.pan_left, () => this.pan(-0.5), "trend-pan-left"),
        tool("zoom_in", w.zoom_in, () => this.zoom(0.5), "trend-zoom-in"),
        tool("zoom_out", w.zoom_out, () => this.zoom(2), "trend-zoom-out"),
        tool("chevron_right", w.pan_right, () => this.pan(0.5), "trend-pan-right"),
        tool("fit_screen", w.reset, () => this.reset(), "trend-reset", !this.zoomed),
      ]);
    },
    stepWords() {
      const steps = [...new Set(this.curves.map((c) => c.step))];
      if (!steps.length) return "";
      if (steps.length === 1 && steps[0] === "raw") return this.d.words.samples;
      const names = steps.map((s) => this.d.words[`step_${s}`]).join(", ");
      return this.d.words.step.replace("{step}", names);
    },
    navigator() {
      if (!this.win || !this.nav) return null;
      const wide = this.base.to - this.base.from;
      const left = Math.max(0, Math.min(1, (this.win.from - this.base.from) / wide));
      const right = Math.max(0, Math.min(1, (this.win.to - this.base.from) / wide));
      const [x, room] = this.inner();
      const move = (e) => {
        if (e.type === "pointerdown") {
          e.currentTarget.setPointerCapture(e.pointerId);
          this.sliding = true;
        }
        if (!this.sliding) return;
        const box = e.currentTarget.getBoundingClientRect();
        const middle = this.base.from + ((e.clientX - box.left) / box.width) * wide;
        const half = (this.win.to - this.win.from) / 2;
        if (this.zoomed) this.go(middle - half, middle + half);
      };
      return h("div", { class: "em-trend-nav", style: { marginLeft: `${x}px`, width: `${room}px` }, "aria-hidden": "true", onPointerdown: move, onPointermove: move, onPointerup: () => (this.sliding = false) }, [
        h("svg", { viewBox: "0 0 1000 30", preserveAspectRatio: "none" }, [h("path", { d: this.nav })]),
        h("span", { class: "em-trend-thumb", style: { left: `${left * 100}%`, width: `${Math.max(0.6, (right - left) * 100)}%` } }),
      ]);
    },
    // alerts that lie closer than a mark is wide share one: the most urgent, with how many they are
    alertMarks() {
      if (!this.win || !this.alerts.length) return [];
      const order = ["critical", "high", "medium", "low"];
      const groups = [];
      for (const a of this.alerts) {
        if (a.raised_ms < this.win.from || a.raised_ms > this.win.to) continue;
        const x = this.xAt(a.raised_ms);
        const last = groups[groups.length - 1];
        if (last && x - last.x < 18) last.list.push(a);
        else groups.push({ x, list: [a] });
      }
      return groups.map(({ x, list }) => {
        const first = [...list].sort((a, b) => order.indexOf(a.priority) - order.indexOf(b.priority))[0];
        const said = list.slice(0, 6).map((a) => `${this.moment(a.raised_ms)} ${a.words}`);
        if (list.length > 6) said.push("…");
        const title = said.join("\n");
        return h("a", { key: `alert-${first.id}`, class: "em-trend-alert", href: `/alerts?mode=history&id=${first.id}`, title, "aria-label": `${this.d.words.alert}: ${title}`, draggable: "false", style: { left: `${x}px` }, "data-testid": `trend-alert-${first.id}` }, [alarmMark(first.priority, this.d.letters[first.priority] || ""), list.length > 1 ? h("b", `${list.length}`) : null]);
      });
    },
    overlay() {
      const out = [];
      if (this.selection) out.push(h("div", { class: "em-trend-selection", style: { left: `${this.selection[0]}px`, width: `${this.selection[1]}px` } }));
      if (this.cursor !== null && this.win) {
        const x = this.xAt(this.cursor);
        const room = this.$refs.chart?.clientWidth || 600;
        out.push(h("div", { class: "em-trend-cursor", style: { left: `${x}px` } }));
        out.push(h("div", { class: "em-trend-flag", style: { left: `${Math.min(room - 50, Math.max(50, x))}px` } }, this.moment(this.cursor)));
        for (const [y, colour, ring] of this.spot) out.push(h("i", { class: "em-trend-dot", style: { left: `${x}px`, top: `${y}px`, background: ring ? "var(--surface)" : `var(${colour})`, borderColor: ring ? `var(${colour})` : "var(--surface)" } }));
      }
      return out;
    },
    covers() {
      const w = this.d.words;
      if (this.state === "failed")
        return h("div", { class: "em-trend-cover", role: "alert", "data-testid": "trend-failed" }, [h("b", w.failed), h("span", w.failed_words), h("button", { type: "button", class: "em-btn", onClick: () => this.load() }, w.again), h("details", [h("summary", w.technical), this.fault])]);
      if (this.state === "nothing") return h("div", { class: "em-trend-cover em-trend-cover-quiet", role: "status", "data-testid": "trend-nothing" }, [h("b", w.nothing), h("span", w.nothing_words)]);
      if (this.state === "empty") return h("div", { class: "em-trend-cover em-trend-cover-quiet", "data-testid": "trend-empty" }, [h("b", w.choose), h("span", w.choose_words), h("button", { type: "button", class: "em-btn em-btn-primary", onClick: () => this.$emit("add") }, w.add)]);
      return null;
    },
    spoken() {
      if (!this.keyed || this.cursor === null) return "";
      return [this.moment(this.cursor), ...this.d.tags.map((t) => {
        const { point, mark } = this.at(this.curves.find((c) => c.tag === t.tag));
        return `${t.machine}, ${t.point}: ${this.figure(point?.[1], t)} ${t.unit_word}${mark ? `, ${this.markWords(mark)}` : ""}`;
      })].join("; ");
    },
  },
  render() {
    const w = this.d.words;
    this.units = new Set(this.d.tags.map((t) => t.unit)).size;
    const plots = Math.max(1, ...this.d.tags.map((t) => t.plot + 1));
    const when = this.cursor !== null ? this.moment(this.cursor) : null;
    return h("div", { class: "em-trend", "data-state": this.state, "data-zoomed": this.zoomed ? "true" : "false", "data-settled": this.settled ? "true" : "false" }, [
      h("div", { class: "em-trend-main" }, [
        this.tools(),
        h("div", { class: "em-trend-pad", ref: "pad", style: { "--plots": plots }, tabindex: 0, role: "application", "aria-label": w.label, "aria-describedby": "em-trend-keys", "data-testid": "trend-pad", onPointerdown: this.onDown, onPointermove: this.onMove, onPointerup: this.onUp, onPointercancel: this.onUp, onPointerleave: this.onLeave, onDblclick: this.reset, onKeydown: this.onKey }, [
          h("div", { class: "em-trend-chart", ref: "chart" }),
          ...this.alertMarks(),
          ...this.overlay(),
          this.covers(),
        ]),
        this.navigator(),
        h("p", { id: "em-trend-keys", class: "em-trend-keys" }, w.keys),
        h("div", { class: "em-visually-hidden", role: "status", "aria-live": "polite" }, this.spoken()),
      ]),
      h("aside", { class: "em-trend-side", "data-testid": "trend-side", "aria-label": w.at_cursor }, [
        h("header", { class: "em-trend-side-head" }, [h("b", when === null ? w.newest : w.at_cursor), h("span", { "data-testid": "cursor-time" }, when ?? "")]),
        h("div", { class: "em-trend-list" }, [
          h("ul", { class: "em-trend-rows" }, this.d.tags.map((t, i) => this.row(t, i))),
          h("button", { type: "button", class: "em-trend-add", "data-testid": "trend-add", onClick: () => this.$emit("add") }, [icon("add"), h("span", w.add)]),
        ]),
        this.quality(),
      ]),
    ]);
  },
};
