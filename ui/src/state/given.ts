// The logins that were just given to nodes. Each is shown once and kept nowhere: here as long as the visitor looks around
// and hasn't put it away or signed out, so that neither a wrong tap nor a second node loses it.
import { effect, signal } from "@preact/signals";
import type { NodeCredentials } from "../api/types";
import { box_now, session } from "./link";

export interface Given { login: NodeCredentials; at: number; again: boolean }  // at: by the box; again: the node had another before

export const given = signal<Given[]>([]);  // the newest first

export function put_away(id: string): void {
  given.value = given.value.filter((one) => one.login.id !== id);
}

export function show_given(login: NodeCredentials, again: boolean): void {
  put_away(login.id);
  given.value = [{ login, at: box_now.value, again }, ...given.value];
}

effect(() => { if (session.value.state === "out") given.value = []; });
