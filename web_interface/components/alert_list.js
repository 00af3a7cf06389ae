import { h } from "vue";
import { alarmMark, icon, patchable, rich } from "energy-kit";

// data: {rows: [{id, priority, letter, prioName, name, time, when, text, open, returned, by, byFull, mayAck}], acknowledge, empty, mayAck}; emits ack(id)
export default {
  mixins: [patchable],
  emits: ["ack"],
  data: () => ({ sent: {} }),
  methods: {
    ack(id) {
      this.sent = { ...this.sent, [id]: true };
      this.$emit("ack", id);
      setTimeout(() => {
        const { [id]: _, ...rest } = this.sent;
        this.sent = rest;
      }, 4000);
    },
    row(r) {
      return h(
        "li",
        {
          key: r.key,
          class: ["em-alert", r.open && "em-alert-open", r.returned && "em-alert-returned", `em-alert-${r.priority}`],
          "data-testid": `alert-${r.id}`,
          "data-open": r.open ? "1" : "0",
        },
        [
          h("span", { class: ["em-alert-mark", r.open && r.priority === "critical" && "em-blink"], title: r.prioName }, alarmMark(r.priority, r.letter)),
          h("div", { class: "em-alert-text" }, [
            h("div", { class: "em-alert-line" }, [
              r.href ? h("a", { class: "em-alert-name", href: r.href }, r.name) : h("span", { class: "em-alert-name" }, r.name),
              h("span", { class: "em-alert-when" }, [h("span", { class: "em-alert-time" }, r.time), r.when]),
            ]),
            h("div", { class: "em-alert-what", title: typeof r.text === "string" ? r.text : undefined }, rich(r.text)),
          ]),
          r.open && r.mayAck && this.d.mayAck
            ? h(
                "button",
                {
                  type: "button",
                  class: "em-btn em-alert-ack",
                  disabled: !!this.sent[r.id],
                  "data-testid": `ack-${r.id}`,
                  "aria-label": `${this.d.acknowledge}: ${r.name}`,
                  onClick: () => this.ack(r.id),
                },
                [icon("done", "em-alert-ack-icon"), h("span", { class: "em-alert-ack-word" }, this.d.acknowledge)],
              )
            : r.by
              ? h("span", { class: "em-alert-by", title: r.byFull }, [icon("done"), h("span", r.by)])
              : null,
        ],
      );
    },
  },
  render() {
    if (!this.d.rows.length) return h("div", { class: "em-alert-none" }, [icon("task_alt"), h("span", this.d.empty)]);
    return h("ul", { class: "em-alerts" }, this.d.rows.map((r) => this.row(r)));
  },
};
