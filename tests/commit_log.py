"""The log of commits as src/store/hot_log.h describes it, read with nothing but sqlite3: for tests and benchmarks."""


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


class Walk:
    """Goes over the log once, a page at a time, and on from there when it is asked again. Call it in a transaction."""

    def __init__(self, connection):
        self._connection, self._number, self._at, self._last = connection, None, 0, 0

    def _page(self, number):
        row = self._connection.execute("SELECT data FROM log WHERE page = ?", (number % self._rows,)).fetchone()
        return row[0] if row and int.from_bytes(row[0][:6], "little") == number else None

    def __call__(self):
        """(id, readings) of each commit that isn't dropped and wasn't told before, oldest first."""
        ask = lambda sql: self._connection.execute(sql).fetchall()
        setting = dict(ask("SELECT name, value FROM setting WHERE name IN ('log_page', 'log_from')"))
        [(self._rows,)] = ask("SELECT coalesce(max(page), 0) + 1 FROM log")
        number, at = self._number, self._at
        begun = max(setting.get("log_page", 1), 1)
        if number is None or number < begun:
            number, at = begun, 0
        while (data := self._page(number)) is not None:
            at = at or int.from_bytes(data[6:8], "little")
            if not 0 < at < len(data) or data[at] == 0:
                if at == 0 or self._page(number + 1) is not None:
                    number, at = number + 1, 0
                    continue
                break  # here the next one will stand, or on the next page
            size, begin = _varint(data, at)
            commit, place = _varint(data, begin)
            for _ in range(2):  # its span of time
                _, place = _varint(data, place)
            readings, _ = _varint(data, place)
            at = begin + size
            while at > len(data):  # it goes on over the next pages
                at, number = at - len(data) + 8, number + 1
                data = self._page(number)
            self._number, self._at = number, at
            if commit >= setting.get("log_from", 0) and commit > self._last:
                self._last = commit
                yield commit, readings


def commits(connection):
    """(id, readings) of each commit that isn't dropped yet, oldest first. Call it in one transaction."""
    return Walk(connection)()


def readings_in(connection):
    connection.execute("BEGIN")
    try:
        return sum(readings for _, readings in commits(connection))
    finally:
        connection.execute("COMMIT")
