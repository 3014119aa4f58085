// The screens after the first, fetched while the first is being read.

export { default as Dates } from "./Dates.svelte";
export { default as Move } from "./Move.svelte";
export { readAgain, readMoving } from "./moving.ts";
export { readOffer } from "./offered.ts";
export { default as Sent } from "./Sent.svelte";
export { default as When } from "./When.svelte";
export { default as Who } from "./Who.svelte";
