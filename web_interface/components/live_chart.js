import { h } from "vue";
import { echarts } from "nicegui-echart";
import { canvasStyle, followColours, resolveTokens } from "energy-kit";

// An ECharts canvas in the colours of the present theme. `options` may say "var(--token)" anywhere.
// data: {ticks: [[x, label], ...], range: [min, max], compact: [min, max], unit, digits, lang, zone, label, days: a point is a day or more, along: unit of x where it is no time,
//        avoid: height of a line that words beside points do not cover}
// Points come by push([[series, x, y], ...]): one with the x of the last point replaces it. set({series: [[x, y], ...]}) replaces all.
const THEME = {
  textStyle: { fontFamily: "Inter, sans-serif" },
};
const NARROW = 520;

export default {
  props: { options: Object, data: Object, narrow: Object, maxPoints: Number },
  render() {
    return h("div", { class: "em-chart", role: "img", "aria-label": this.data?.label });
  },
  async mounted() {
    this.series = {};
    this.extra = {};
    this.root = {};
    this.view = { ...this.data };
    await Promise.race([document.fonts.ready, new Promise((r) => setTimeout(r, 800))]);
    if (!this.$el.isConnected) return;
    this.chart = echarts.init(this.$el, null, { renderer: "canvas" });
    this.chart.on("click", (e) => this.$emit("point", { series: e.seriesIndex, name: e.seriesName, value: e.value }));
    this.draw();
    this.sizes = new ResizeObserver(() => {
      this.chart?.resize();
      if (this.wasNarrow !== this.isNarrow()) this.draw();
      else this.axis();
    });
    this.sizes.observe(this.$el);
    this.forget = followColours(() => {
      this.draw();
      this.chart.setOption({}); // what waits for the next frame too: paper does not wait for one
    });
  },
  beforeUnmount() {
    this.sizes?.disconnect();
    this.forget?.();
    this.chart?.dispose();
  },
  watch: {
    options() {
      this.series = {};
      this.extra = {};
      this.root = {};
      this.draw();
    },
    data(value) {
      this.view = { ...value };
      this.draw();
    },
  },
  methods: {
    isNarrow() {
      return this.$el.clientWidth < NARROW;
    },
    base(options) {
      const label = { color: "var(--text3)", fontSize: 12, fontFamily: "Inter" };
      const axis = (a, own) => ({ ...own, ...a, axisLabel: { ...label, ...own.axisLabel, ...(a.axisLabel || {}) } });
      const figure = new Intl.NumberFormat(this.view?.lang, { maximumSignificantDigits: 6 }); // 0.3 · 3 is 0.8999… to ECharts
      const x = { type: "value", axisLine: { lineStyle: { color: "var(--line)" } }, axisTick: { show: true, lineStyle: { color: "var(--line)" } }, splitLine: { show: false }, axisLabel: { margin: 10 } };
      const y = { type: "value", axisLine: { show: true, lineStyle: { color: "var(--line)" } }, axisTick: { show: false }, splitLine: { lineStyle: { color: "var(--line)" } }, axisLabel: { formatter: (v) => figure.format(v).replace("-", "\u2212") } };
      const many = (v, own) => (Array.isArray(v) ? v.map((a) => axis(a, own)) : axis(v || {}, own));
      return {
        animation: false,
        ...THEME,
        ...options,
        xAxis: many(options.xAxis, x),
        yAxis: many(options.yAxis, y),
        tooltip: options.tooltip === false ? undefined : { ...this.tooltip(), ...(options.tooltip || {}) },
      };
    },
    tooltip() {
      return {
        trigger: "axis",
        confine: true,
        backgroundColor: "var(--surface)",
        borderColor: "var(--line)",
        borderWidth: 1,
        padding: [8, 12],
        textStyle: { color: "var(--text)", fontSize: 13, fontFamily: "Inter" },
        axisPointer: { type: "line", lineStyle: { color: "var(--text3)", width: 1 }, label: { show: false } },
        formatter: (points) => this.card(points),
      };
    },
    // the card under the cursor: time first, values right-aligned; built of text nodes, names come from people
    card(points) {
      const v = this.view;
      const list = (Array.isArray(points) ? points : [points]).filter((p) => p.seriesName && !p.seriesName.startsWith("_") && Array.isArray(p.value));
      const box = document.createElement("div");
      box.className = "em-tip";
      if (!list.length) return box;
      const day = v.days ? { day: "2-digit", month: "2-digit", year: "numeric" } : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
      const when = new Intl.DateTimeFormat(v.lang, { ...day, timeZone: v.zone });
      const numbers = new Intl.NumberFormat(v.lang, { minimumFractionDigits: v.digits ?? 1, maximumFractionDigits: v.digits ?? 1 });
      const head = document.createElement("b");
      head.textContent = v.along ? `${numbers.format(list[0].value[0])}\u00a0${v.along}` : when.format(new Date(list[0].value[0]));
      box.append(head);
      for (const p of list) {
        const name = document.createElement("span");
        name.textContent = p.seriesName;
        const value = document.createElement("span");
        value.className = "em-tip-value";
        value.textContent = p.value[1] === null || p.value[1] === undefined ? "—" : `${numbers.format(p.value[1])}\u00a0${v.unit ?? ""}`;
        box.append(name, value);
      }
      return box;
    },
    draw() {
      if (!this.chart) return;
      const options = resolveTokens(this.base(this.options), canvasStyle());
      this.chart.setOption(options, { notMerge: true });
      if (Object.keys(this.extra).length || Object.keys(this.root).length) {
        const series = (this.options.series || []).map((_, i) => this.extra[i] || {});
        this.chart.setOption(resolveTokens({ ...this.root, series }, canvasStyle()));
      }
      this.wasNarrow = this.isNarrow();
      if (this.wasNarrow && this.narrow) this.chart.setOption(resolveTokens(this.narrow, canvasStyle()));
      for (const [i, own] of (this.options.series || []).entries()) this.series[i] ??= [...(own.data || [])];
      this.flush();
      this.axis();
    },
    // ticks that fit the width: every 1st, 2nd, 3rd, 6th ... of those offered
    axis() {
      const v = this.view;
      if (!this.chart || !v?.ticks) return;
      const width = this.$el.clientWidth;
      const [min, max] = this.isNarrow() && v.compact ? v.compact : v.range;
      const inside = v.ticks.filter(([x]) => x >= min && x <= max);
      const room = Math.max(2, Math.floor((width - 40) / (this.isNarrow() ? 76 : 74)));
      const step = [1, 2, 3, 4, 6, 8, 12, 24].find((n) => (inside.length - 1) / n <= room) ?? 24;
      const start = inside.findIndex(([, , hour]) => hour === undefined || hour % step === 0);
      const offset = this.isNarrow() && v.compact ? 0 : Math.max(0, start);
      const shown = inside.filter((_, i) => i >= offset && (i - offset) % step === 0);
      const names = new Map(shown);
      const one = { min, max, axisLabel: { customValues: shown.map(([x]) => x), formatter: (x) => names.get(x) ?? "" }, axisTick: { customValues: shown.map(([x]) => x) } };
      const axes = Array.isArray(this.options.xAxis) ? this.options.xAxis.map(() => one) : one;
      this.chart.setOption({ xAxis: axes }, { lazyUpdate: true });
    },
    // words at the right of a point near the right end would be cut off: they stand above it, ending with it; those that would lie
    // on the line of view.avoid stand beside the line
    within(series, points) {
      const range = this.view?.range;
      if (series.label?.position !== "right" || !range) return points;
      const edge = range[1] - 0.1 * (range[1] - range[0]);
      return points.map((p) => {
        const aside = this.aside(p[1]);
        if (p[0] > edge) return { value: p, label: { position: aside > 0 ? "bottom" : "top", align: "right", distance: 6 } };
        return aside ? { value: p, label: { offset: [0, aside] } } : p;
      });
    },
    // how far words of this value are moved so that they do not lie on the line; 0 where they do not
    aside(value) {
      const avoid = this.view?.avoid;
      if (avoid === undefined || avoid === null || !this.chart) return 0;
      const below = this.chart.convertToPixel({ yAxisIndex: 0 }, value) - this.chart.convertToPixel({ yAxisIndex: 0 }, avoid);
      const room = 13;
      if (!(Math.abs(below) < room)) return 0;
      return below >= 0 ? room - below : -room - below;
    },
    flush() {
      const list = (this.options.series || []).map((s, i) => ({ data: this.within(s, this.series[i] ?? s.data ?? []) }));
      this.chart?.setOption({ series: list }, { lazyUpdate: true });
    },
    push(points) {
      for (const [i, x, y] of points) {
        const s = (this.series[i] ??= [...((this.options.series[i] || {}).data || [])]);
        if (s.length && s[s.length - 1][0] === x) s[s.length - 1] = [x, y];
        else s.push([x, y]);
        if (this.maxPoints && s.length > this.maxPoints) s.splice(0, s.length - this.maxPoints);
      }
      this.flush();
    },
    set(all) {
      for (const [i, points] of Object.entries(all)) this.series[i] = points;
      this.flush();
    },
    patch(changes) {
      if (changes.set) this.set(changes.set);
      if (changes.push) this.push(changes.push);
      if (changes.options) {
        // what is drawn beside the points; kept, so that a change of theme or width draws it again
        const { series, ...rest } = changes.options;
        for (const [i, own] of (series || []).entries()) this.extra[i] = { ...this.extra[i], ...own };
        Object.assign(this.root, rest);
        this.chart?.setOption(resolveTokens(changes.options, canvasStyle()), { lazyUpdate: true });
      }
      if (changes.view) {
        this.view = { ...this.view, ...changes.view };
        this.axis();
      }
    },
  },
};
