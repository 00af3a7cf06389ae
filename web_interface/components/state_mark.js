import { h } from "vue";
import { patchable, stateMark } from "energy-kit";

// data: {state, letter, name}
export default {
  mixins: [patchable],
  render() {
    return h("span", { class: "em-mark-box", role: "img", "aria-label": this.d.name, title: this.d.name }, stateMark(this.d.state, this.d.letter));
  },
};
