import { h } from "vue";
import { icon, patchable } from "energy-kit";

// A short tone while a critical or high alert waits; silent until a gesture, as browsers want it; muted per user in this browser.
// data: {urgent: "" | "critical" | "high", user, on, off, blocked}
const EVERY_MS = { critical: 10_000, high: 30_000 };
const NOTES = { critical: [880, 660, 880], high: [660, 520] };
const GESTURES = ["pointerdown", "keydown"];
let context = null;

export default {
  mixins: [patchable],
  data: () => ({ ready: false, muted: false }),
  mounted() {
    this.muted = localStorage.getItem(this.key()) === "1";
    this.wake = () => {
      context = context || new AudioContext();
      context.resume().then(() => (this.ready = context.state === "running"));
    };
    if (context) this.ready = context.state === "running";
    for (const name of GESTURES) window.addEventListener(name, this.wake, { once: true });
    this.last = 0;
    this.timer = setInterval(() => this.sound(), 1000);
  },
  beforeUnmount() {
    clearInterval(this.timer);
    for (const name of GESTURES) window.removeEventListener(name, this.wake);
  },
  methods: {
    key() {
      return `em-muted:${this.d.user}`;
    },
    mute() {
      this.muted = !this.muted;
      localStorage.setItem(this.key(), this.muted ? "1" : "0");
    },
    sound() {
      const { urgent } = this.d;
      if (!urgent || this.muted || !this.ready || Date.now() - this.last < EVERY_MS[urgent]) return;
      this.last = Date.now();
      NOTES[urgent].forEach((pitch, i) => this.note(pitch, context.currentTime + i * 0.22));
      window.dispatchEvent(new CustomEvent("em-tone", { detail: urgent }));
    },
    note(pitch, at) {
      const tone = context.createOscillator();
      const volume = context.createGain();
      tone.type = "triangle";
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0, at);
      volume.gain.linearRampToValueAtTime(0.2, at + 0.02);
      volume.gain.linearRampToValueAtTime(0, at + 0.2);
      tone.connect(volume).connect(context.destination);
      tone.start(at);
      tone.stop(at + 0.21);
    },
  },
  render() {
    const { on, off, blocked } = this.d;
    const words = this.muted ? off : this.ready ? on : blocked;
    const attrs = { type: "button", title: words, "aria-label": words, "aria-pressed": this.muted ? "true" : "false" };
    return h("button", { ...attrs, class: "em-btn em-btn-plain em-btn-icon em-tone", "data-ready": this.ready ? "1" : "0", onClick: () => this.mute() }, [
      icon(this.muted ? "volume_off" : this.ready ? "volume_up" : "volume_mute"),
    ]);
  },
};
