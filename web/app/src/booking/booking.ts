import "./patient.css";
import BookingPage from "./BookingPage.svelte";
import { start } from "./start.ts";

void start(BookingPage);
