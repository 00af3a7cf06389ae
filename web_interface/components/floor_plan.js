// The picture of the shop with a mark for each machine; those without a place stand beside it. While arranging, marks are dragged
// by mouse or finger or moved by the arrows; the places leave by taken().
import { h, nextTick } from "vue";
import { patchable, stateMark } from "energy-kit";

const STEP = 0.5;
const STRIDE = 5; // with Shift
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const within = (value) => Math.min(100, Math.max(0, Math.round(value * 100) / 100));

// data: {src, ratio, alt, marks: [{id, href, name, state, letter, kw, unit, label}], places: {id: [x %, y %]}, words}
export default {
  mixins: [patchable],
  data() {
    return { editing: false, before: {}, drag: null };
  },
  unmounted() {
    this.drop();
  },
  methods: {
    patch({ changed, ...rest }) {
      if (changed) this.d.marks = this.d.marks.map((m) => (changed[m.id] ? { ...m, ...changed[m.id] } : m));
      Object.assign(this.d, rest);
    },
    edit() {
      this.before = { ...this.d.places };
      this.editing = true;
    },
    cancel() {
      this.drop();
      this.d.places = this.before;
      this.editing = false;
    },
    done() {
      this.drop();
      this.editing = false;
    },
    taken() {
      return this.d.places;
    },
    put(id, x, y) {
      this.d.places = { ...this.d.places, [id]: [within(x), within(y)] };
    },
    take(id) {
      const { [id]: _gone, ...rest } = this.d.places;
      this.d.places = rest;
    },
    // The listeners are the window's: a mark that leaves the list must not lose the pointer that drags it.
    grab(event, id) {
      if (!this.editing || event.button > 0 || this.drag) return;
      event.preventDefault();
      event.currentTarget.focus();
      const box = event.currentTarget.getBoundingClientRect();
      const placed = id in this.d.places;
      this.drag = {
        id,
        pointer: event.pointerId,
        was: this.d.places[id],
        dx: placed ? event.clientX - (box.left + box.width / 2) : 0,
        dy: placed ? event.clientY - (box.top + box.height / 2) : 0,
      };
      window.addEventListener("pointermove", this.moved);
      window.addEventListener("pointerup", this.released);
      window.addEventListener("pointercancel", this.cancelled);
    },
    moved(event) {
      if (event.pointerId !== this.drag.pointer) return;
      const stage = this.$refs.stage.getBoundingClientRect();
      const x = ((event.clientX - this.drag.dx - stage.left) / stage.width) * 100;
      const y = ((event.clientY - this.drag.dy - stage.top) / stage.height) * 100;
      if (this.drag.was || (x >= 0 && x <= 100 && y >= 0 && y <= 100)) this.put(this.drag.id, x, y);
    },
    released(event) {
      if (event.pointerId !== this.drag.pointer) return;
      const aside = this.$refs.aside && this.$refs.aside.getBoundingClientRect();
      const { clientX: x, clientY: y } = event;
      if (aside && x >= aside.left && x <= aside.right && y >= aside.top && y <= aside.bottom) this.take(this.drag.id);
      this.drop();
    },
    cancelled() {
      const { id, was } = this.drag;
      was ? this.put(id, ...was) : this.take(id);
      this.drop();
    },
    drop() {
      this.drag = null;
      window.removeEventListener("pointermove", this.moved);
      window.removeEventListener("pointerup", this.released);
      window.removeEventListener("pointercancel", this.cancelled);
    },
    key(event, id) {
      if (!this.editing) return;
      const arrow = ARROWS[event.key];
      if (arrow && id in this.d.places) {
        const step = event.shiftKey ? STRIDE : STEP;
        const [x, y] = this.d.places[id];
        this.put(id, x + arrow[0] * step, y + arrow[1] * step);
      } else if ((event.key === "Delete" || event.key === "Backspace") && id in this.d.places) this.take(id);
      else if ((event.key === "Enter" || event.key === " ") && !(id in this.d.places)) this.put(id, 50, 50);
      else return;
      event.preventDefault();
      nextTick(() => this.$el.querySelector(`[data-machine="${CSS.escape(id)}"]`)?.focus());
    },
    mark(m, place) {
      const at = place ? { left: `${place[0]}%`, top: `${place[1]}%` } : {};
      const edit = this.editing;
      const words = place ? this.d.words.move : this.d.words.place;
      return h(
        "a",
        {
          key: m.id,
          class: ["em-floor-mark", `em-is-${m.state}`, place ? "em-floor-at" : "", this.drag?.id === m.id ? "em-floor-held" : ""],
          style: at,
          href: edit ? undefined : m.href,
          role: edit ? "button" : undefined,
          tabindex: 0,
          title: m.label,
          "aria-label": edit ? `${m.label}. ${words}` : m.label,
          draggable: "false",
          "data-machine": m.id,
          "data-state": m.state,
          "data-testid": `floor-${m.id}`,
          onPointerdown: (e) => this.grab(e, m.id),
          onKeydown: (e) => this.key(e, m.id),
        },
        [
          stateMark(m.state, m.letter),
          h("span", { class: "em-floor-name" }, m.name),
          h("span", { class: "em-floor-kw", "data-testid": "power" }, [m.kw, h("span", { class: "em-unit" }, m.unit)]),
        ],
      );
    },
  },
  render() {
    const { marks, places, words } = this.d;
    const held = this.drag && !this.drag.was ? this.drag.id : null; // stays in the list until it is let go
    const aside = marks.filter((m) => !(m.id in places) || m.id === held);
    return h("div", { class: ["em-floor", this.editing ? "em-floor-editing" : ""], style: { "--ratio": this.d.ratio }, "data-testid": "floor" }, [
      h("div", { class: "em-floor-room" }, [
        h("div", { class: "em-floor-stage", ref: "stage", "data-testid": "floor-stage" }, [
          h("img", { class: "em-floor-picture", src: this.d.src, alt: this.d.alt, draggable: "false" }),
          ...marks.filter((m) => m.id in places).map((m) => this.mark(m, places[m.id])),
        ]),
      ]),
      aside.length || this.editing
        ? h("aside", { class: "em-floor-aside", ref: "aside", "data-testid": "floor-unplaced" }, [
            h("b", words.unplaced),
            this.editing ? h("span", { class: "em-quiet" }, words.unplaced_hint) : null,
            h("div", { class: "em-floor-list" }, aside.map((m) => (m.id === held && m.id in places ? h("span", { key: "held", class: "em-floor-mark em-floor-ghost" }, m.name) : this.mark(m, null)))),
          ])
        : null,
    ]);
  },
};
