import { mount, unmount } from "svelte";
import { speakPreferred } from "../i18n/catalogue.svelte.ts";
import "../ui/tokens.css";
import "../ui/font.css";
import App from "./App.svelte";
import { Office } from "./office.svelte.ts";
import "./office.css";
import "./desk/desk.css";

// The catalogue registers itself when App is imported, so its texts are there after this.
await speakPreferred();
const office = new Office();
const target = document.getElementById("app");
if (!target) throw new Error("the page has no #app");
if (location.pathname === "/join") {
  // Whoever follows an invitation's link is let in by it, and then signs in as anybody.
  const { default: Join } = await import("./join/Join.svelte");
  await speakPreferred();
  const joining = mount(Join, {
    target,
    props: {
      done: async (email: string, password: string) => {
        history.replaceState(null, "", "/");
        await unmount(joining);
        mount(App, { target, props: { office } });
        await office.start();
        if (office.phase === "signed-out") await office.signIn(email, password);
      },
    },
  });
} else {
  mount(App, { target, props: { office } });
  void office.start();
}
