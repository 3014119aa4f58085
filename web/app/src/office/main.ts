import { mount } from "svelte";
import { speakPreferred } from "../i18n/catalogue.svelte.ts";
import "../ui/tokens.css";
import "../ui/font.css";
import App from "./App.svelte";
import { Office } from "./office.svelte.ts";
import "./office.css";

// The catalogue registers itself when App is imported, so its texts are there after this.
await speakPreferred();
const office = new Office();
const target = document.getElementById("app");
if (!target) throw new Error("the page has no #app");
mount(App, { target, props: { office } });
void office.start();
