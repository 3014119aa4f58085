// What a page's script costs on the wire.

/** weighScripts counts from now on; the function that it returns tells how many bytes of script have come, its workers' too. */
export async function weighScripts(context, page) {
  const session = await context.newCDPSession(page);
  const scripts = new Map();
  session.on("Network.responseReceived", ({ requestId, response }) => /\/assets\/[^?]*\.js(\?|$)/.test(response.url) && scripts.set(requestId, 0));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => scripts.has(requestId) && scripts.set(requestId, encodedDataLength));
  await session.send("Network.enable");
  return () => [...scripts.values()].reduce((sum, bytes) => sum + bytes, 0);
}
