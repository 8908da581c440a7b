"""MQTT 3.1.1 by hand, in step with the broker: each call returns when the broker has answered, so that what has not come
by then won't come. A client library would send in its own time, reconnect by itself and hide what is refused.

    node = Plain(port, login, will=("alona/roof/status", b"gone", False))
    node.connack                     # 0: admitted, 5: refused
    node.subscribe("alona/#")        # returns the code granted
    node.publish([("t", b"1")])      # QoS 1, all at once; returns at the last PUBACK
    node.heard()                     # what has come since: [(topic, payload, retained)]
    node.break_off()                 # no DISCONNECT: the broker sends the last will, or not
"""
import socket
import struct

PATIENCE_S = 30.0
CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 0x10, 0x20, 0x30, 0x40, 0x82, 0x90
UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 0xA2, 0xB0, 0xC0, 0xD0, 0xE0


def _text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack("!H", len(raw)) + raw


def _packet(kind, body=b""):
    length, left = b"", len(body)
    while True:
        left, digit = left >> 7, left & 0x7F
        length += bytes([digit | (0x80 if left else 0)])
        if not left:
            return bytes([kind]) + length + body


class Plain:
    def __init__(self, port, login=None, will=None, client_id=None):
        """login None: anonymous; a password None: a user without one."""
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer, self._arrived, self._last_id = b"", [], 0
        flags, payload = 0x02, _text(client_id or (login.user if login else "somebody"))
        if will:
            topic, said, retained = will
            flags |= 0x04 | 0x08 | (0x20 if retained else 0)  # QoS 1
            payload += _text(topic) + _text(said)
        if login:
            flags |= 0x80 | (0x40 if login.password is not None else 0)
            payload += _text(login.user) + (_text(login.password) if login.password is not None else b"")
        self._send(CONNECT, _text("MQTT") + bytes([4, flags]) + struct.pack("!H", 600) + payload)
        self.connack = self._await(CONNACK)[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def publish(self, messages, retain=False):
        """(topic, payload) each; the broker's PUBACK comes for what it denies, too."""
        packets, wanted = b"", 0
        for topic, payload in messages:
            packets += _packet(PUBLISH | 0x02 | int(retain), _text(topic) + self._next_id() + payload)
            wanted += 1
        self._socket.sendall(packets)
        for _ in range(wanted):
            self._await(PUBACK)

    def subscribe(self, topic_filter):
        self._send(SUBSCRIBE, self._next_id() + _text(topic_filter) + b"\0")
        return self._await(SUBACK)[2]

    def unsubscribe(self, topic_filter):
        self._send(UNSUBSCRIBE, self._next_id() + _text(topic_filter))
        self._await(UNSUBACK)

    def heard(self):
        """All that the broker has sent before it answers a ping."""
        self._send(PINGREQ)
        self._await(PINGRESP)
        arrived, self._arrived = self._arrived, []
        return arrived

    def is_over(self, patience_s=PATIENCE_S):
        """The broker ends the connection within this time."""
        self._socket.settimeout(patience_s)
        try:
            while self._socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True

    def break_off(self):
        self._socket.close()

    def close(self):
        try:
            self._send(DISCONNECT)
        except OSError:
            pass  # the broker was first
        self._socket.close()

    def _next_id(self):
        self._last_id = self._last_id % 0xFFFF + 1
        return struct.pack("!H", self._last_id)

    def _send(self, kind, body=b""):
        self._socket.sendall(_packet(kind, body))

    def _await(self, wanted):
        """The body of the next packet of this kind; messages before it are kept for heard()."""
        while True:
            head, body = self._next_packet()
            if head & 0xF0 == PUBLISH:
                size = struct.unpack_from("!H", body)[0]
                self._arrived.append((body[2:2 + size].decode(), body[2 + size:], bool(head & 1)))
            elif head & 0xF0 == wanted:
                return body
            else:
                raise AssertionError(f"the broker sent a packet of kind {head:#x}")

    def _next_packet(self):
        while True:
            length, at = 0, 1
            while at < len(self._buffer):
                length |= (self._buffer[at] & 0x7F) << 7 * (at - 1)
                at += 1
                if not self._buffer[at - 1] & 0x80:
                    if len(self._buffer) >= at + length:
                        head, body = self._buffer[0], self._buffer[at:at + length]
                        self._buffer = self._buffer[at + length:]
                        return head, body
                    break
            piece = self._socket.recv(1 << 20)
            if not piece:
                raise ConnectionError("the broker ended the connection")
            self._buffer += piece
