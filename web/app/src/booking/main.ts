import "./patient.css";
import BookingApp from "./BookingApp.svelte";
import { start } from "./start.ts";

void start(BookingApp);
