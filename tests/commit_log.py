"""The log of commits as src/store/hot_log.h describes it, read with nothing but sqlite3: for tests and benchmarks."""
import sqlite3


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def commits(connection):
    """(id, readings) of each commit that isn't dropped yet, oldest first. Call it in one transaction."""
    setting = dict(connection.execute("SELECT name, value FROM setting WHERE name IN ('log_page', 'log_from')"))
    rows = {}
    for (data,) in connection.execute("SELECT data FROM log"):
        rows[int.from_bytes(data[:6], "little")] = data
    number, at = max(setting.get("log_page", 1), 1), 0
    while number in rows:
        data = rows[number]
        at = at or int.from_bytes(data[6:8], "little")
        if not 0 < at < len(data) or data[at] == 0:
            number, at = number + 1, 0
            continue
        size, begin = _varint(data, at)
        commit, place = _varint(data, begin)
        for _ in range(2):  # its span of time
            _, place = _varint(data, place)
        readings, _ = _varint(data, place)
        at = begin + size
        while at > len(data):  # it goes on over the next pages
            at, number = at - len(data) + 8, number + 1
            data = rows[number]
        if commit >= setting.get("log_from", 0):
            yield commit, readings


def readings_in(connection):
    connection.execute("BEGIN")
    try:
        return sum(readings for _, readings in commits(connection))
    finally:
        connection.execute("COMMIT")
