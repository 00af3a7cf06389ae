import { h } from "vue";
import { patchable } from "energy-kit";

// Voltages (solid) and currents (dashed) of three phases as arrows; length to scale of the largest, angle as measured or calculated.
// data: {u: [[length 0..1, angle °] | null × 3], i: [...], words: {u, i, phi}, label}
const R = 58;
const C = 74;
const COLOURS = ["var(--s2)", "var(--s3)", "var(--s1)"];

const arrow = (vector, colour, dashed, key) => {
  if (!vector || vector[0] <= 0.01) return null;
  const [length, angle] = vector;
  const a = ((90 - angle) * Math.PI) / 180;
  const [x, y] = [C + R * length * Math.cos(a), C - R * length * Math.sin(a)];
  const head = [2.7, -2.7].map((turn) => `${x + 6 * Math.cos(a + turn)},${y - 6 * Math.sin(a + turn)}`);
  return h("g", { key }, [
    h("line", { x1: C, y1: C, x2: x, y2: y, stroke: colour, "stroke-width": 2, "stroke-dasharray": dashed ? "4 3" : undefined }),
    h("polygon", { points: `${x},${y} ${head.join(" ")}`, fill: colour }),
  ]);
};

export default {
  mixins: [patchable],
  render() {
    const d = this.d;
    const names = [0, 1, 2].map((n) => {
      const a = ((90 - (d.u[n] ? d.u[n][1] : -120 * n)) * Math.PI) / 180;
      return h("text", { x: C + (R + 10) * Math.cos(a), y: C - (R + 10) * Math.sin(a) + 4, "text-anchor": "middle", class: "em-phasor-name" }, `L${n + 1}`);
    });
    return h("div", { class: "em-phasor", role: "img", "aria-label": d.label }, [
      h("svg", { viewBox: "0 0 148 148", width: 148, height: 148 }, [
        h("circle", { cx: C, cy: C, r: R, class: "em-phasor-ring" }),
        h("circle", { cx: C, cy: C, r: R / 2, class: "em-phasor-ring em-phasor-half" }),
        ...d.u.map((v, n) => arrow(v, COLOURS[n], false, `u${n}`)),
        ...d.i.map((v, n) => arrow(v, COLOURS[n], true, `i${n}`)),
        ...names,
      ]),
      h("div", { class: "em-phasor-legend" }, [
        h("span", [h("i", { class: "em-phasor-solid" }), d.words.u]),
        h("span", [h("i", { class: "em-phasor-dash" }), d.words.i]),
        h("span", { class: "em-quiet" }, d.words.phi),
      ]),
    ]);
  },
};
