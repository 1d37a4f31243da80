#!/usr/bin/env python3
"""Judges Ed25519 signatures with OpenSSL, through the cryptography package.

Reads lines "KEY MESSAGE SIGNATURE" in hexadecimal ("-" for empty) and writes
"1" or "0" for each.
"""
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def main():
    for line in sys.stdin:
        key, message, signature = (bytes.fromhex("" if f == "-" else f) for f in line.split())
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
            print(1)
        except (InvalidSignature, ValueError):
            print(0)


if __name__ == "__main__":
    main()
