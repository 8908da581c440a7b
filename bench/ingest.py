#!/usr/bin/python3
"""How fast, and at what price, the core takes readings in: beside a consumer that only counts and a writer that
commits each reading by itself, through the same broker, in one run.

The messages lie in the consumer's own session at the broker before it starts, so neither the publisher's speed nor
its processor time plays a part; each run has a fresh broker and a fresh database. What differs from the product's
broker file is said in box.py. Time counts from the first message to the last: acknowledged by the counter, committed
by the writers. Processor time is the consumer's process from its start."""

import argparse
import statistics
import sys
import time

import proof
from box import SEALED_ABOVE, Box, Stored, in_log, wait_for, workplace


def preloaded(disk, name, messages, series, subscribe, queue=None):
    """A box whose broker holds so many messages for one consumer."""
    box = Box(disk.path / name, queue or messages + 1000)
    try:
        subscribe(box)
        box.publish(messages, series)
    except BaseException:
        box.close()
        raise
    return box


def run_consumer(disk, name, user, program, messages, series):
    database = [disk.path / name / "naive.sqlite3"] if program == "naive_writer" else []
    subscribe = lambda box: box.report(box.consumer(user, program, 0, *database))
    box = preloaded(disk, name, messages, series, subscribe)
    try:
        before = disk.written()
        result = box.report(box.consumer(user, program, messages, *database))
        result["device_bytes"] = None if before is None else disk.written() - before
        return result
    finally:
        box.close()


def subscribe_core(box):
    core = box.core()
    box.connected(core)
    core.stop()


def take_in(disk, box, messages):
    """Starts a core that takes in what waits for it; its speed and its price."""
    before = disk.written()
    with box.watch() as database:
        stored = Stored(database)
        core = box.core()
        begin = first = None
        # Looked at 50 times a second: of a run of seconds less than one in a hundred.
        while (now := stored()) < messages:
            core.running()
            if now and first is None:
                begin, first = time.monotonic(), now
            time.sleep(0.02)
        took = time.monotonic() - begin
    result = {
        "messages": messages - first,
        "seconds": took,
        "cpu_seconds": core.cpu_seconds() * (messages - first) / messages,
        "rss_kib": core.kib("VmHWM"),
    }
    result["write_bytes"] = core.stop()
    result["device_bytes"] = None if before is None else disk.written() - before
    result["all_messages"] = messages
    return result


def run_core(disk, name, messages, series):
    """The result, and the box with its history."""
    box = preloaded(disk, name, messages, series, subscribe_core)
    try:
        return take_in(disk, box, messages), box
    except BaseException:
        box.close()
        raise


def run_sealing(box, series):
    """Lets the core seal what the flood has left, and once more; the bytes written for each reading sealed."""
    with box.watch() as connection:
        core = box.core()
        box.connected(core)
        wait_for("the flood's sealing", lambda: in_log(connection) <= SEALED_ABOVE, every=0.2)
        more, had, before = 5_000, in_log(connection), core.write_bytes()
        stored = Stored(connection)
        box.publish(more, series)
        wait_for("the readings", lambda: stored() >= more)
        taken_in = core.write_bytes() - before  # the pass has hardly begun
        wait_for("sealing", lambda: in_log(connection) <= SEALED_ABOVE * 0.6, every=0.2)
        sealed = had + more - in_log(connection)
        return (core.stop() - before - taken_in) / sealed  # with the checkpoint


def run_trickle(disk, box, readings, series, rate):
    """Into the store with history that `box` has; a counter listens to the same."""
    sealing_each = run_sealing(box, series)
    with box.watch() as connection:
        core = box.core()
        box.connected(core)
        box.report(box.consumer("counter", "counting_consumer", 0))
        counter = box.consumer("counter", "counting_consumer", readings)
        for path in ("/", "/api/v1/overview"):
            box.get(path)
        time.sleep(2)  # whatever the page's threads still let go
        idle_kib = core.kib("VmRSS")
        before, device, cpu, stored = core.write_bytes(), disk.written(), core.cpu_seconds(), Stored(connection)
        box.publish(readings, series, rate)
        wait_for("the trickle's end", lambda: stored() >= readings, every=0.2)
        result = {
            "messages": readings,
            "sealing_each": sealing_each,
            "idle_kib": idle_kib,
            "cpu_seconds": core.cpu_seconds() - cpu,
            "rss_kib": core.kib("VmRSS"),
            "write_bytes": core.write_bytes() - before,
            "device_bytes": None if device is None else disk.written() - device,
            "counter_cpu_seconds": box.report(counter)["cpu_seconds"],
        }
        result["write_bytes_stopped"] = core.stop() - before
        result["device_bytes_stopped"] = None if device is None else disk.written() - device
        return result


def per_100k(result):
    return result["cpu_seconds"] / result["messages"] * 100_000


def say(text):
    print(text, flush=True)


def say_run(name, result):
    n = result.get("all_messages", result["messages"])
    device = "" if result["device_bytes"] is None else f", {result['device_bytes'] / n:.0f} at the device"
    say(
        f"  {name:<8} {result['messages'] / result['seconds']:>8,.0f} messages/s  {per_100k(result):5.2f} CPU s/100,000  "
        f"{result['write_bytes'] / n:7.1f} bytes/reading{device}  {result['rss_kib'] / 1024:5.1f} MiB"
    )


def median(runs, value):
    return statistics.median(value(run) for run in runs)


def rows(options, runs, trickle):
    speed = lambda r: r["messages"] / r["seconds"]
    bytes_each = lambda r: r["write_bytes"] / r.get("all_messages", r["messages"])
    counted, core, naive = runs["counting"], runs["core"], runs["naive"]
    base_speed, base_cpu = median(counted, speed), median(counted, per_100k)
    core_speed, core_cpu = median(core, speed), median(core, per_100k)
    naive_speed, naive_cpu = median(naive, speed), median(naive, per_100k)
    flood = f"{options.messages:,} QoS 1 messages of {options.series} series"
    n = trickle["messages"]
    yield "Durable ingest (FULL), against a consumer that only counts: " + flood, "≥ 1.1 ×", (
        f"{core_speed / base_speed:.2f} × ({core_speed:,.0f} against {base_speed:,.0f} messages/s)"
    )
    yield "Its processor time, against that consumer", "≤ 1.1 ×", (
        f"{core_cpu / base_cpu:.2f} × ({core_cpu:.2f} against {base_cpu:.2f} s per 100,000)"
    )
    yield f"A row and a commit each reading ({options.naive:,} messages), against that consumer", "—", (
        f"{naive_speed / base_speed:.2f} ×, processor time {naive_cpu / base_cpu:.1f} ×, "
        f"{median(naive, bytes_each):,.0f} bytes written a reading"
    )
    yield "Bytes written a reading, in that flood", "≤ 80", f"{median(core, bytes_each):.0f}" + device(
        median(core, lambda r: r["device_bytes"] / options.messages) if core[0]["device_bytes"] else None
    )
    each = f"{options.rate:g} readings a second for {n / options.rate:.0f} s into a store with history"
    yield f"Bytes written a reading, {each}", "≤ 400", f"{trickle['write_bytes'] / n:.0f}" + device(
        trickle["device_bytes"] / n if trickle["device_bytes"] else None
    )
    yield "… with the checkpoint and the fold at the stop", "—", f"{trickle['write_bytes_stopped'] / n:.0f}" + device(
        trickle["device_bytes_stopped"] / n if trickle["device_bytes_stopped"] else None
    )
    yield "Bytes written a reading by sealing, later", "—", f"{trickle['sealing_each']:.0f}"
    ratio = trickle["cpu_seconds"] / trickle["counter_cpu_seconds"] if trickle["counter_cpu_seconds"] else 0
    yield "Processor time in that trickle, against the consumer that only counts", "≤ 1.5 ×", (
        f"{ratio:.1f} × ({100 * trickle['cpu_seconds'] * options.rate / n:.2f} % of a core)"
    )
    yield f"Memory, started with {options.series} series, page served once", "≤ 16 MiB", f"{trickle['idle_kib'] / 1024:.1f} MiB"
    yield "Memory, at most in the flood", "≤ 32 MiB", f"{median(core, lambda r: r['rss_kib']) / 1024:.1f} MiB"


def device(each):
    return "" if each is None else f" ({each:.0f} at the device, its journal included)"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--series", type=int, default=200)
    parser.add_argument("--naive", type=int, default=20_000, help="messages for the naive writer")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=14, help="readings a second of the trickle")
    parser.add_argument("--trickle", type=int, default=120, help="its seconds")
    parser.add_argument("--no-table", action="store_true", help="leave docs/proof.md as it is")
    options = parser.parse_args()
    runs = {"counting": [], "core": [], "naive": []}
    with workplace() as disk:
        say(f"{options.messages:,} messages of {options.series} series; the naive writer takes {options.naive:,}.")
        for i in range(options.rounds):
            say(f"round {i + 1} of {options.rounds}")
            runs["counting"].append(
                run_consumer(disk, f"count-{i}", "counter", "counting_consumer", options.messages, options.series)
            )
            say_run("counting", runs["counting"][-1])
            result, box = run_core(disk, f"core-{i}", options.messages, options.series)
            try:
                runs["core"].append(result)
                say_run("core", result)
                if i == options.rounds - 1:
                    say(f"trickle: {options.rate:g} readings a second for {options.trickle} s")
                    readings = int(options.rate * options.trickle)
                    trickle = run_trickle(disk, box, readings, options.series, options.rate)
            finally:
                box.close()
            runs["naive"].append(
                run_consumer(disk, f"naive-{i}", "naive", "naive_writer", options.naive, options.series)
            )
            say_run("naive", runs["naive"][-1])
    table = list(rows(options, runs, trickle))
    say("")
    for what, aim, measured in table:
        say(f"{what}\n    aim {aim}, measured {measured}")
    if not options.no_table:
        repeat = "./dev bench ingest" + "".join(f" {a}" for a in sys.argv[1:])
        proof.write("ingest", table, repeat)


if __name__ == "__main__":
    main()
