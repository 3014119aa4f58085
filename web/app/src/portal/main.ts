import { mount } from "svelte";
import { speakPreferred } from "../i18n/catalogue.svelte.ts";
import "../ui/tokens.css";
import "../ui/font.css";
import "../office/office.css";
import App from "./App.svelte";
import "./portal.css";

// The catalogues register themselves when App is imported, so their texts are there after this.
await speakPreferred();
const target = document.getElementById("app");
if (!target) throw new Error("the page has no #app");
mount(App, { target });
