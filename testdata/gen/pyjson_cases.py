#!/usr/bin/env python3
"""Writes what CPython's json module makes of request bodies.

    python3 pyjson_cases.py > pyjson-cases.jsonl

Each line is {"hex": BODY} with either {"error", "offset"} of JSONDecodeError,
or {"unreadable": true} for any other exception, or the three forms that the
original service writes: {"compact", "ascii", "indent"} ("compact" is null where
the value has no UTF-8 form; NaN and Infinity are left out).
"""
import json
import random
import sys

FIXED = [
    b"", b" ", b"{bad", b'{"text":"a"', b"{} x", b"[1,]", b'{"a":1,}', b'{"a" 1}', b'{"a":}', b'{,}', b"[", b"[1", b"[1 2]", b"{", b'{"a"', b'{"a":1',
    b'"abc', b'"a\nb"', b'"\\x"', b'"\\u12"', b'"\\u12g4"', b'"\\', b'"\\ud800"', b'"\\ud83d\\ude80"', b'"\\ud83dx"', b'"\\ud83d\\u0041"', b'"\\ude80\\ud83d"',
    b"nul", b"nulll", b"true", b"false", b"null", b"tru", b"+1", b"-", b"--1", b"01", b"1.", b".5", b"1e", b"1e+", b"-0", b"-0.0", b"0.0", b"1E2", b"1e400", b"-1e400", b"1e-400",
    b"100.0", b"1e16", b"1e-5", b"123456789012345678901234567890", b"1" * 4300, b"1" * 4301, b'{"a":1,"b":2,"a":3}', b'{"a":{"x":[]},"b":[{}],"c":[1,[2,{"d":null}]]}',
    "\ufeff{}".encode(), '{"é":"€ 🚀"}'.encode("utf-16"), '{"é":"€ 🚀"}'.encode("utf-16-le"), '{"é":"€ 🚀"}'.encode("utf-16-be"), '{"é":"€ 🚀"}'.encode("utf-32"),
    '{"é":"€ 🚀"}'.encode("utf-32-le"), '{"é":"€ 🚀"}'.encode("utf-32-be"), b"1\x00", b"\x001", b"\xff", b'"\xed\xa0\x80"', b'"\xc0\x80"', b"\xff\xfe1", b"\xff\xfe\x00\xd8",
    '"é" x'.encode(), '["é", oops]'.encode(), b'"\x7f\\u0000\\u001f\\/\\b\\f"', b"[" * 150 + b"]" * 150, b"[" * 100000, b"\x00", b"\x00\x00\x00\x00", b"{}\x00",
    b"\t\r\n [ ] \n", b"\x0b[]", b"\xc2\xa0[]", b'{"a":NaN}x', b"Infinity1", b'{1:2}', b"{'a':1}", b'"\\U0041"', b'[1,,2]', b'{"a":1 "b":2}', b'{"a":1,"b"}', b'"\\u 041"', b'"\\u+041"',
]


def mutate(r, data):
    data = bytearray(data)
    for _ in range(r.choice([1, 1, 2])):
        at = r.randrange(len(data) + 1)
        kind = r.randrange(4)
        if kind == 0:
            data[at:at] = bytes([r.choice(b'{}[]:,"\\u0 1-.eEnt\n')])
        elif kind == 1 and data:
            del data[at % len(data)]
        elif kind == 2 and data:
            data[at % len(data)] = r.choice(b'{}[]:,"\\u0 1-.eEnt')
        else:
            del data[at:]
    return bytes(data)


def main():
    r = random.Random(11)
    base = [
        b'{"text": "t", "target_p95_latency_ms": 100, "target_jitter_ms": 20.5, "duration_s": 3e1}',
        '{"session_id":"ce49","n":5,"p50_ms":-0.0,"notes":"é\\n\\ud83d\\ude80","list":[true,false,null,{}]}'.encode(),
    ]
    for data in FIXED + [mutate(r, r.choice(base)) for _ in range(600)]:
        line = {"hex": data.hex()}
        try:
            v = json.loads(data)
            compact = json.dumps(v, ensure_ascii=False, separators=(",", ":"))
            if "NaN" not in compact and "Infinity" not in compact:
                line.update(compact=compact, ascii=json.dumps(v), indent=json.dumps(v, indent=2))
                try:
                    compact.encode()
                except UnicodeEncodeError:
                    line["compact"] = None
            else:
                line["compact"] = None
        except json.JSONDecodeError as e:
            line.update(error=e.msg, offset=e.pos)
        except (ValueError, RecursionError):
            line["unreadable"] = True
        print(json.dumps(line))


if __name__ == "__main__":
    main()
