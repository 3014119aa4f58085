// Within the practice's own page the frame is as high as what it shows. Only
// pages that the server lets frame this one get here (frame-ancestors); they are
// told the height and nothing else, and only after they said hello.

/** tellHeight answers the page around, where there is one. */
export function tellHeight(): void {
  if (parent === self) return;
  document.documentElement.classList.add("framed");
  let to = "";
  let told = 0;
  const tell = () => {
    const height = Math.ceil(document.body.getBoundingClientRect().height);
    if (!to || height === told) return;
    told = height;
    parent.postMessage({ siegel: "height", height }, to);
  };
  addEventListener("message", (event: MessageEvent<unknown>) => {
    if (event.source !== parent || (event.data as { siegel?: unknown } | null)?.siegel !== "hello") return;
    to = event.origin;
    told = 0;
    tell();
  });
  new ResizeObserver(tell).observe(document.body);
  parent.postMessage({ siegel: "ready" }, "*"); // says nothing that is not seen anyway
}
