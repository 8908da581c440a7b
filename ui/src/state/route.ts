// The address is the page's memory: everything that a reload or a link must bring back is in it.
import { signal } from "@preact/signals";
import { explore_link, parse_route, type ExploreView, type Route } from "../lib/view";

export const route = signal<Route>(parse_route(location.hash));

export function start_route(): void {
  addEventListener("hashchange", () => {
    const before = route.value.page;
    route.value = parse_route(location.hash);
    if (route.value.page !== before || route.value.page === "node") scrollTo(0, 0);
  });
}

export function go_explore(view: ExploreView): void {
  const link = explore_link(view);
  if (link !== location.hash) location.hash = link;
}
