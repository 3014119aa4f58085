import "./patient.css";
import ConfirmApp from "./ConfirmApp.svelte";
import { start } from "./start.ts";

void start(ConfirmApp);
