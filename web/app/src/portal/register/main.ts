import { mount } from "svelte";
import { speakPreferred } from "../../i18n/catalogue.svelte.ts";
import "../../ui/base.css";
import "../../ui/controls.css";
import "./register.css";
import App from "./App.svelte";

await speakPreferred();
const target = document.getElementById("app");
if (!target) throw new Error("the page has no #app");
mount(App, { target });
