import "./patient.css";
import WaitingPage from "./WaitingPage.svelte";
import { start } from "./start.ts";

void start(WaitingPage);
