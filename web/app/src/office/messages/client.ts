/** What the office asks the server about the practice's messages. Every call throws a Problem where it does not succeed. */
import type { Answer, Sent } from "../../api/answers.ts";
import { call } from "../../api/call.ts";

export type Settings = Answer<"getMessageSettings">;
export type Choice = Settings["choice"];
export type Text = Settings["texts"][number];
export type Wording = Text["said"];
export type Preview = Answer<"previewMessage">;
export type Outcome = Answer<"countMessages">;

const of = ({ kind, language }: Text) => ({ kind, language });

export const getSettings = () => call("GET", "/messages/settings");
/** Throws invalid_message_settings. */
export const putChoice = (choice: Sent<"putMessageSettings">) => call("PUT", "/messages/settings", { body: choice, safe: true });
/** Throws unknown_placeholder, placeholder_missing, malformed_template, each with what it is about. */
export const putText = (text: Text, said: Wording) => call("PUT", "/messages/texts/{kind}/{language}", { path: of(text), body: said, safe: true });
export const removeText = (text: Text) => call("DELETE", "/messages/texts/{kind}/{language}", { path: of(text) });
/** Throws as putText does. */
export const preview = (text: Text, said: Wording) => call("POST", "/messages/texts/{kind}/{language}/preview", { path: of(text), body: said });
export const getOutcome = (days: number) => call("GET", "/messages", { query: { days } });
