// The login that was just given to a node. It is shown once and kept nowhere: here as long as the visitor looks around and
// hasn't put it away or signed out, so that a wrong tap doesn't lose it.
import { effect, signal } from "@preact/signals";
import type { NodeCredentials } from "../api/types";
import { box_now, session } from "./link";

export interface Given { login: NodeCredentials; at: number; again: boolean }  // at: by the box; again: the node had another before

export const given = signal<Given | null>(null);

export const show_given = (login: NodeCredentials, again: boolean): void => { given.value = { login, at: box_now.value, again }; };
export const put_away = (): void => { given.value = null; };

effect(() => { if (session.value.state === "out") given.value = null; });
