/** What the office asks the server about the practice's messages. Every call throws a Problem where it does not succeed. */
import type { Answer, Sent } from "../../api/answers.ts";
import { send } from "../../api/http.ts";

const root = "/api/v1/messages";

export type Settings = Answer<"getMessageSettings">;
export type Choice = Settings["choice"];
export type Text = Settings["texts"][number];
export type Wording = Text["said"];
export type Preview = Answer<"previewMessage">;
export type Outcome = Answer<"countMessages">;

const of = (text: { kind: string; language: string }) => `${root}/texts/${text.kind}/${text.language}`;

export const getSettings = () => send<Settings>(`${root}/settings`);
/** Throws invalid_message_settings. */
export const putChoice = (choice: Sent<"putMessageSettings">) => send<Settings>(`${root}/settings`, { method: "PUT", body: choice, safe: true });
/** Throws unknown_placeholder, placeholder_missing, malformed_template, each with what it is about. */
export const putText = (text: Text, said: Wording) => send<void>(of(text), { method: "PUT", body: said, safe: true });
export const removeText = (text: Text) => send<void>(of(text), { method: "DELETE" });
/** Throws as putText does. */
export const preview = (text: Text, said: Wording) => send<Preview>(`${of(text)}/preview`, { method: "POST", body: said });
export const getOutcome = (days: number) => send<Outcome>(`${root}?${new URLSearchParams({ days: String(days) })}`);
