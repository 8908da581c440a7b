// The live stream, checked. It only carries: what silence means is decided in state/link.ts.
import { Mismatch } from "./check";
import type { Live } from "./types";
import { live } from "./wire";

export interface LiveStream { close(): void; dead(): boolean }

export function open_live(heard: (message: Live) => void, broken: () => void): LiveStream {
  const source = new EventSource("/api/v1/live");
  for (const event of Object.keys(live) as Live["event"][]) {
    source.addEventListener(event, (arrived) => {
      try {
        const data: unknown = JSON.parse((arrived as MessageEvent<string>).data);
        heard({ event, data: live[event](data, event) } as Live);
      } catch (error) {
        // One message that can't be read must not stop the rest; asking for everything again heals what it said.
        if (error instanceof Mismatch || error instanceof SyntaxError) heard({ event: "reset", data: {} });
        else throw error;
      }
    });
  }
  source.onerror = broken;
  return { close: () => source.close(), dead: () => source.readyState === EventSource.CLOSED };
}
