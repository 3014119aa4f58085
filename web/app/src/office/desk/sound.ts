/** Two quiet tones, made here: no file, nothing to load. */
export function chime(): void {
  try {
    const audio = new AudioContext();
    const loud = audio.createGain();
    loud.connect(audio.destination);
    const now = audio.currentTime;
    loud.gain.setValueAtTime(0, now);
    loud.gain.linearRampToValueAtTime(0.06, now + 0.02);
    loud.gain.exponentialRampToValueAtTime(0.0005, now + 0.7);
    for (const [tone, at] of [[659, 0], [880, 0.14]] as const) {
      const voice = audio.createOscillator();
      voice.type = "sine";
      voice.frequency.value = tone;
      voice.connect(loud);
      voice.start(now + at);
      voice.stop(now + 0.75);
    }
    setTimeout(() => void audio.close(), 1000);
  } catch {
    // A browser without sound, or one that wants a click first.
  }
}
