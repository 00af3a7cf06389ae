// One message a second and page: [[element id, changes], ...]; each part merges its own.
export default {
  render: () => null,
  methods: {
    apply(list) {
      for (const [id, changes] of list) getElement(id)?.patch?.(changes);
    },
    clock(nowMs) {
      window.emServerOffset = nowMs - Date.now();
    },
  },
};
