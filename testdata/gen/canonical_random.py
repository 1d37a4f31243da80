#!/usr/bin/env python3
"""Writes N random JSON documents and what CPython makes of them.

    python3 canonical_random.py N [SEED] > canonical-random.jsonl

Each line is {"in": TEXT, "out": json.dumps(sort_keys=True,
separators=(",", ":"), ensure_ascii=False), "default": json.dumps(sort_keys=True)}.
TEXT spells values oddly on purpose: white space, escapes in either case,
surrogate pairs, numbers in every notation, names out of order. Every document
is one that the strict reader accepts: no duplicate names, no lone surrogates,
no overflow.
"""
import json
import random
import struct
import sys

ALPHABET = (
    list("abcXYZ019 _-/\\\"'<>&{}[]:,") + [chr(c) for c in range(32)] + ["\x7f", "\x80", "\x9f", "\xa0"]
    + list("éßΩЖ日本語") + ["\u200b", "\u2028", "\u2029", "\u202e", "\ud7ff", "\ue000", "\ufeff", "\ufffd", "\uffff"]
    + ["\U00010000", "\U0001f600", "\U0010ffff"]
)


def text(r):
    return "".join(r.choice(ALPHABET) for _ in range(r.choice([0, 1, 2, 3, 8, 20])))


def spell_text(r, s):
    out = ['"']
    for c in s:
        n = ord(c)
        short = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(c)
        if short and r.random() < 0.7:
            out.append(short)
        elif c == "/" and r.random() < 0.3:
            out.append("\\/")
        elif n < 32 or c in '"\\' or r.random() < 0.15:
            units = [n] if n < 0x10000 else [0xD800 + ((n - 0x10000) >> 10), 0xDC00 + ((n - 0x10000) & 0x3FF)]
            out.append("".join(("\\u%04x" if r.random() < 0.5 else "\\u%04X") % u for u in units))
        else:
            out.append(c)
    return "".join(out) + '"'


def spell_number(r):
    kind = r.randrange(9)
    if kind == 0:
        return str(r.randrange(-1000, 1000))
    if kind == 1:
        return str(r.choice([-1, 1]) * r.getrandbits(r.choice([31, 53, 54, 63, 64, 65, 200, 1000])))
    if kind == 2:
        return r.choice(["-0", "0", "-0.0", "0.0", "0e0", "-0E-5", "0.000", "1e-400", "-1e-400", "5e-324", "1.7976931348623157e308"])
    if kind == 3:
        return "%.2f" % r.uniform(0, 6000)
    if kind == 4:
        return repr(round(r.uniform(0, 6000), 2))
    if kind == 5:
        while True:  # any bit pattern that is a finite double
            f = struct.unpack("<d", struct.pack("<Q", r.getrandbits(64)))[0]
            if f == f and abs(f) != float("inf"):
                return repr(f) if r.random() < 0.5 else "%.25e" % f
    if kind == 6:
        return "%d%s%s%d" % (r.randrange(100), r.choice("eE"), r.choice(["", "+", "-"]), r.randrange(25))
    if kind == 7:
        return "%d.%d" % (r.randrange(10 ** r.randrange(1, 20)), r.randrange(10 ** r.randrange(1, 22)))
    return "0." + "0" * r.randrange(12) + str(r.randrange(1, 10 ** 6)) + "0" * r.randrange(4)


def space(r):
    return "".join(r.choice(" \t\r\n") for _ in range(r.choice([0, 0, 0, 1, 2])))


def document(r, depth):
    k = r.randrange(10)
    if depth <= 0 or k < 2:
        return spell_number(r)
    if k < 4:
        return spell_text(r, text(r))
    if k == 4:
        return r.choice(["true", "false", "null"])
    if k < 7:
        return "[" + space(r) + ",".join(space(r) + document(r, depth - 1) + space(r) for _ in range(r.randrange(6))) + "]"
    names = {text(r) for _ in range(r.randrange(8))}
    names = sorted(names, key=lambda _: r.random())
    return "{" + space(r) + ",".join(
        space(r) + spell_text(r, n) + space(r) + ":" + space(r) + document(r, depth - 1) + space(r) for n in names
    ) + "}"


def main():
    count = int(sys.argv[1])
    r = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 42)
    for _ in range(count):
        source = space(r) + document(r, 5) + space(r)
        value = json.loads(source)
        sys.stdout.write(json.dumps({
            "in": source,
            "out": json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
            "default": json.dumps(value, sort_keys=True),
        }) + "\n")


if __name__ == "__main__":
    main()
