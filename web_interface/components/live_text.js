import { h } from "vue";
import { patchable } from "energy-kit";

// data: {text}
export default {
  mixins: [patchable],
  render() {
    return h("b", this.d.text);
  },
};
