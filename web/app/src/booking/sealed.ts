import "./patient.css";
import SealedPage from "./SealedPage.svelte";
import { start } from "./start.ts";

void start(SealedPage);
