import { h } from "vue";
import { alarmMark, patchable } from "energy-kit";

// data: {priority, letter, name}
export default {
  mixins: [patchable],
  render() {
    return h("span", { class: "em-mark-box", role: "img", "aria-label": this.d.name, title: this.d.name }, alarmMark(this.d.priority, this.d.letter));
  },
};
