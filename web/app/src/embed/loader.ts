// What a practice's own page loads: it puts the booking pages into a frame where
// its script stands. The frame's address and the fingerprint of the practice's
// key come from the script's own tag, so that a changed server cannot bring in
// another key. It reads nothing of the page and stores nothing.
//
//   <script src="https://praxis.example/embed.js" data-key-fingerprint="…" data-lang="de"></script>

(() => {
  const script = document.currentScript;
  if (!(script instanceof HTMLScriptElement)) return;
  const { origin } = new URL(script.src);
  const { keyFingerprint = "", lang = "", title = "" } = script.dataset;
  const frame = document.createElement("iframe");
  frame.src = `${origin}/${lang ? `?lang=${encodeURIComponent(lang)}` : ""}#key=${encodeURIComponent(keyFingerprint)}`;
  frame.title = title || "Terminbuchung";
  frame.allow = "clipboard-write";
  frame.style.cssText = "display:block;width:100%;border:0;min-height:40rem;color-scheme:normal";
  const greet = () => frame.contentWindow?.postMessage({ siegel: "hello" }, origin);
  addEventListener("message", (event: MessageEvent<unknown>) => {
    // Of this frame, and of the pages that were put into it: whatever else was
    // loaded there has another origin.
    if (event.origin !== origin || event.source !== frame.contentWindow) return;
    const { siegel, height } = (event.data ?? {}) as { siegel?: unknown; height?: unknown };
    if (siegel === "ready") greet();
    if (siegel === "height" && typeof height === "number" && height > 0 && height < 20_000) frame.style.height = `${Math.ceil(height)}px`;
  });
  frame.addEventListener("load", greet);
  script.after(frame);
})();
