#!/usr/bin/env python3
"""Decrypts a backup set of Alona, NAME.tar.zst.enc, with Python and libsodium alone (Debian: libsodium23).

    python3 decrypt.py NAME.tar.zst.enc NAME.tar.zst [PASSPHRASE_FILE]
"""
import ctypes
import getpass
import hashlib
import os
import struct
import sys

MAGIC, HEADER, CHUNK = b"alona-enc-1\n", 124, 65536 + 17
FINAL, ARGON2ID = 3, 2


def key_of(sodium, passphrase, header):
    passes, kib = struct.unpack_from("<II", header, 12)
    out = ctypes.create_string_buffer(48)
    if sodium.crypto_pwhash(out, ctypes.c_ulonglong(48), passphrase, ctypes.c_ulonglong(len(passphrase)), header[20:36],
                            ctypes.c_ulonglong(passes), ctypes.c_size_t(kib * 1024), ctypes.c_int(ARGON2ID)) != 0:
        sys.exit(f"{kib // 1024} MiB of memory are needed")
    if out.raw[32:] != header[52:68]:
        sys.exit("This isn't its passphrase.")
    return out.raw[:32]


def decrypt(source, target, passphrase):
    header = source.read(HEADER)
    if not header.startswith(MAGIC) or hashlib.sha256(header[:92]).digest() != header[92:]:
        sys.exit("This is no encrypted set of format 1, or its beginning is damaged.")
    sodium = ctypes.CDLL("libsodium.so.23")
    state = ctypes.create_string_buffer(sodium.crypto_secretstream_xchacha20poly1305_statebytes())
    sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, header[68:92], key_of(sodium, passphrase, header))
    plain, more, tag = ctypes.create_string_buffer(65536), header, ctypes.c_ubyte(0)
    while tag.value != FINAL:
        chunk = source.read(CHUNK)
        if len(chunk) <= 17 or sodium.crypto_secretstream_xchacha20poly1305_pull(
                state, plain, None, ctypes.byref(tag), chunk, ctypes.c_ulonglong(len(chunk)), more,
                ctypes.c_ulonglong(len(more))) != 0:
            sys.exit("It is damaged or cut off; what was written is not whole.")
        target.write(plain.raw[:len(chunk) - 17])
        more = b""
    if source.read(1):
        sys.exit("More follows behind its end; what was written is not to be trusted.")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    if len(sys.argv) == 4:
        with open(sys.argv[3], "rb") as file:
            secret = file.readline().strip(b" \t\r\n")
    else:
        secret = getpass.getpass("Passphrase: ").encode()
    with open(sys.argv[1], "rb") as encrypted, open(
            os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        decrypt(encrypted, out, secret)
