"""A neighbour on the LAN, in plain mDNS (RFC 6762): run in the network namespace it is to be in.

    mdns.py ask NAME ADDRESS       prints the address that NAME answers with, from a host that is ADDRESS
    mdns.py claim NAME ADDRESS     has that name already, and says so to whoever probes for it, until it is ended
"""
import socket
import struct
import sys
import time

GROUP, PORT = "224.0.0.251", 5353
A, IN, ANY = 1, 1, 255


def encoded(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


def read_name(packet, at):
    """The name at that place, and where it ends; pointers are followed."""
    parts, end = [], None
    while packet[at]:
        if packet[at] >= 0xC0:
            end = end or at + 2
            at = struct.unpack("!H", packet[at:at + 2])[0] & 0x3FFF
            continue
        parts.append(packet[at + 1:at + 1 + packet[at]].decode(errors="replace"))
        at += 1 + packet[at]
    return ".".join(parts).lower(), end or at + 1


def records(packet):
    """(name, type, data) of the questions, whose data is None, and of all answers."""
    counts = struct.unpack("!6H", packet[:12])[2:]
    at = 12
    for section, count in enumerate(counts):
        for _ in range(count):
            name, at = read_name(packet, at)
            kind, _ = struct.unpack("!2H", packet[at:at + 4])
            at += 4
            if section == 0:
                yield name, kind, None
                continue
            size = struct.unpack("!H", packet[at + 4:at + 6])[0]
            yield name, kind, packet[at + 6:at + 6 + size]
            at += 6 + size


def opened(address):
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    link.bind(("", PORT))
    membership = socket.inet_aton(GROUP) + socket.inet_aton(address)
    link.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    link.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    link.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    link.settimeout(0.5)
    return link


def heard(link, until):
    while time.monotonic() < until:
        try:
            yield link.recvfrom(9000)[0]
        except TimeoutError:
            yield b""


def ask(name, address, patience_s=20):
    link = opened(address)
    question = struct.pack("!6H", 0, 0, 1, 0, 0, 0) + encoded(name) + struct.pack("!2H", A, IN)
    link.sendto(question, (GROUP, PORT))
    for packet in heard(link, time.monotonic() + patience_s):
        for who, kind, data in records(packet) if packet else ():
            if who == name and kind == A and data and socket.inet_ntoa(data) != address:
                return socket.inet_ntoa(data)
        if not packet:
            link.sendto(question, (GROUP, PORT))
    return None


def claim(name, address):
    link = opened(address)
    answer = (struct.pack("!6H", 0, 0x8400, 0, 1, 0, 0) + encoded(name) + struct.pack("!2HIH", A, IN | 0x8000, 120, 4)
              + socket.inet_aton(address))
    link.sendto(answer, (GROUP, PORT))
    print("claimed", flush=True)
    for packet in heard(link, time.monotonic() + 600):
        if packet and any(who == name and kind in (A, ANY) and data is None for who, kind, data in records(packet)):
            link.sendto(answer, (GROUP, PORT))


if __name__ == "__main__":
    said = {"ask": ask, "claim": claim}[sys.argv[1]](sys.argv[2].lower(), sys.argv[3])
    if said:
        print(said)
    sys.exit(0 if said else 1)
