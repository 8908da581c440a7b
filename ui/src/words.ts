// Every sentence the owner reads, in one place. Short, no exclamation marks, no jargon.

export const locale = "en-GB";  // day before month, 24 hours

const plural = (n: number, one: string, many: string): string => `${n.toLocaleString(locale)} ${n === 1 ? one : many}`;
const small = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

export const words = {
  nav: { overview: "Overview", explore: "Explore", nodes: "Nodes", skip: "Skip to the content", label: "Pages" },
  login: {
    title: "Sign in", name: "Name", password: "Password", enter: "Sign in", busy: "Checking",
    ended: "Your session has ended. Sign in again to go on where you were.",
    hint: "No user yet? On the box, run: alona setup",
    out: "Sign out", as: (user: string) => `Signed in as ${user}`,
  },
  loading: "Asking the box",
  retry: "Try again",
  failure: {
    unreachable: { what: "The box does not answer.", why: "It may be restarting, or this device has left its Wi-Fi.", next: "The page tries again by itself. If it stays like this, check the Wi-Fi and the box's power." },
    garbled: (where: string) => ({ what: "The box sent something this page can't read.", why: `In ${where}.`, next: "Reload the page. If it stays like this, the page and the box are of different versions." }),
    next: "Try again in a moment.",
    wrong_login: { what: "Name or password is wrong.", next: "Check both and try again. To set a new password, on the box run: alona user" },
  },
  unreachable: (since: string, age: string) => `The box has not answered since ${since}. What you see is ${age} old. The page tries again by itself.`,
  overview: {
    well: "All is well.", except_before: "All is well, except ", except_after: ".",
    things: (n: number) => (n < small.length ? `${small[n]} thing${n === 1 ? "" : "s"}` : `${n} things`),
    need: (n: number) => `${plural(n, "thing needs", "things need")} you`,
    losing: "Readings are being lost", losing_more: (n: number) => `, and ${plural(n, "more thing needs", "more things need")} you.`,
    deaf: "The box can't hear its nodes.", deaf_why: "Its connection to the broker is down. It tries again by itself; nodes keep what fits into their memory.",
    waiting: "Waiting for the first reading.",
    visit: (ago: string) => `${ago} since your last visit`, stored: (n: number) => plural(n, "reading stored", "readings stored"),
    refused: (n: number) => (n === 0 ? "none refused today" : `${n.toLocaleString(locale)} refused today`),
    last_word: (when: string, said: string) => `Its last word, of ${when}: ${said}`,
    needs: "What needs you", since: (when: string) => `Since ${when}.`, look: (name: string) => `Look at ${name}`, being_lost: "Being lost",
    elsewhere: "No place yet", happened: "What happened", away: "While you were away", nothing: "Nothing happened lately.", fresh: "new",
    empty: { what: "No nodes yet.", next: "Add one with", command: "alona node add" },
    clock: "Clock", clock_ok: "trusted", clock_bad: "not trusted", broker: "Nodes' connection", broker_ok: "up", broker_bad: "down",
    running: "Running since", box: "The box", version: "Version",
  },
  clock_set: { both: (box: string, device: string) => `The box says ${box}. This device says ${device}.`, set: "Use this device's time" },
  age: { now: "now", ago: (age: string) => `${age} ago`, never: "never" },
  presence: {
    online: "online", stale: (age: string) => `silent ${age}`, offline: (age: string) => `off ${age}`, never_seen: "never heard",
    old: (age: string) => `${age} old`, unsure: "time not sure", may_lose: "may lose readings",
    state: { online: "heard", stale: "silent", offline: "off", never_seen: "not yet heard", unknown: "not known" },
  },
  nodes: { title: "Nodes", name: "Name", place: "Place", state: "State", heard: "Last heard", series: "Series", count: (n: number) => plural(n, "node", "nodes"), silent: (n: number) => `${small[n] ?? n} silent`, all_heard: "all heard" },
  node: {
    back: "All nodes", values: "Values", presence: "Heard in the last 7 days", complete: "Readings, day by day (days of UTC)", heartbeat: "Last heartbeat", errors: "Errors it told of", events: "Events",
    no_errors: "It told of no errors.", no_events: "No events.", no_heartbeat: "It has sent no heartbeat. That is optional.", no_series: "It has sent no reading yet.", no_days: "No days counted yet.",
    unknown: "There is no such node.", unknown_next: "It may have been removed. Choose one from the list of nodes.",
    heard_share: (share: string, silences: number, whole: boolean) => `Heard ${share} of ${whole ? "the time" : "the time known"}, ${["never silent", "silent once", "silent twice"][silences] ?? `silent ${silences} times`}.`,
    silence: (from: string, to: string, age: string, state: string) => `${state} ${age}, ${from} to ${to}`, until_now: "now",
    day: "Day", stored: "Received", of_sent: " / sent", of_expected: " / expected", lost: "Lost", rejected: "Refused", repeated: "Repeats", share: "Complete", of: (sent: string) => ` / ${sent}`,
    counted: "It numbers its messages, so what it sent is known.", estimated: "It doesn't number its messages: what was to be expected is told by its rhythm.", day_gap: (cause: string, length: string) => `${cause} ${length}`,
    uptime: "Running for", rssi: "Wi-Fi signal", firmware: "Firmware", heap: "Free memory", battery: "Battery", reset: "Last start by", gave_up: "Given up since its start", gave_up_count: (n: string) => `${n} readings, its memory was full`, at: "Sent",
    rssi_word: (dbm: number) => (dbm >= -67 ? "good" : dbm >= -75 ? "fair" : "weak"), interval: (every: string) => `a message every ${every}`, explore: "Open in Explore",
    day_range: "24 hours", week_range: "7 days", range: "Stretch of time",
  },
  explore: {
    title: "Explore", presets: { day: "Day", week: "Week", month: "Month", year: "Year", all: "All" }, range: "Stretch of time",
    earlier: "Earlier", later: "Later", closer: "Closer", wider: "Wider", series: "Series", choose: "Choose series", done: "Done",
    csv: "CSV", link: "Link", copied: "Link copied.", link_field: "This address opens the same view", table: "As a table", chart: "Hide the table",
    none: { what: "Choose what to look at.", next: "Open “Series” and tick one or more." }, nothing: "No readings in this stretch of time.", full: (max: number) => `At most ${max} at once. Untick one first.`,
    gone: (n: number) => `${plural(n, "series", "series")} of this link no longer exist${n === 1 ? "s" : ""}.`,
    legend: (bucket: string) => `Line: mean of ${bucket}. Band: lowest to highest. Grey: no readings, with the reason. Drag across a chart to look closer.`,
    legend_raw: "Every reading is drawn. Grey: no readings, with the reason. Drag across a chart to look closer.",
    gaps: "Without readings", no_gaps: "No gaps in this stretch of time.", more_gaps: (n: number) => `and ${plural(n, "more", "more")}`, many_gaps: "and many more: look closer to see them", readings: (n: number) => plural(n, "reading", "readings"),
    every: "Every reading of this stretch", time: "Time", low: "lowest", mean: "mean", high: "highest", rows_cut: (n: number) => `The first ${n} rows. The CSV has all.`,
    loading: "Loading", from_to: (from: string, to: string) => `${from} – ${to}`,
  },
  chart: { summary: (name: string, low: string, high: string, unit: string, gaps: number) => `${name}: lowest ${low}, highest ${high} ${unit}${gaps ? `, ${plural(gaps, "gap", "gaps")}` : ""}.`, empty: (name: string) => `${name}: no readings.` },
  // What the box calls a cause, as the owner says it. Anything else is shown as it came.
  cause: {
    power: "power dark", power_dark: "power dark", node_off: "node off", node_restart: "node restarted", network: "node out of reach", excluded: "taken out by hand", storage: "box couldn't store", node_silent: "node silent", silent: "node silent", offline: "node off", wifi: "no Wi-Fi", broker: "broker down", broker_down: "broker down",
    core_down: "box stopped", core: "box stopped", lost: "lost", damaged: "damaged on disk", damage: "damaged on disk", rejected: "refused", disk_full: "disk full", clock: "clock not set", unknown: "reason not known", "": "reason not known",
  } as Record<string, string>,
};
