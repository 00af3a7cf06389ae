import { h } from "vue";
import { icon, patchable } from "energy-kit";

// data: {label, cards: [{id, code, name, count, good, selected, values: [[name, value], ...]}]}; emits choose(id).
// A radio group: arrows move the choice, one card is in the tab order.
export default {
  mixins: [patchable],
  emits: ["choose"],
  methods: {
    choose(id) {
      if (this.d.cards.some((c) => c.id === id && c.selected)) return;
      this.d.cards = this.d.cards.map((c) => ({ ...c, selected: c.id === id }));
      this.$emit("choose", id);
    },
    move(event, at) {
      const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const to = (at + step + this.d.cards.length) % this.d.cards.length;
      this.$el.children[to].focus();
      this.choose(this.d.cards[to].id);
    },
  },
  render() {
    const chosen = this.d.cards.findIndex((c) => c.selected);
    return h(
      "div",
      { class: "em-orders", role: "radiogroup", "aria-label": this.d.label },
      this.d.cards.map((c, i) =>
        h(
          "button",
          {
            key: c.id,
            type: "button",
            role: "radio",
            class: ["em-order", c.selected && "em-order-on"],
            "aria-checked": c.selected ? "true" : "false",
            tabindex: i === Math.max(chosen, 0) ? 0 : -1,
            "data-testid": `order-${c.id}`,
            onClick: () => this.choose(c.id),
            onKeydown: (e) => this.move(e, i),
          },
          [
            h("span", { class: "em-order-dot", "aria-hidden": "true" }),
            h("span", { class: "em-order-head" }, [h("b", { class: "em-mono" }, c.code), h("span", { class: "em-order-name" }, c.name)]),
            h("span", { class: ["em-order-count", c.good && "em-good"] }, [icon(c.good ? "check_circle" : "remove_circle_outline"), h("span", c.count)]),
            h(
              "span",
              { class: "em-order-values" },
              c.values.map(([name, value]) => h("span", { key: name }, [`${name}\u00a0`, h("b", value)])),
            ),
          ],
        ),
      ),
    );
  },
};
