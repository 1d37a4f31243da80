"""The ledger audit as one writes it in Python: json, hashlib, cryptography.

    python3 audit_baseline.py LEDGER.jsonl JWKS.json WORKERS

Every hash, every signature and every link, nothing else. With more than one
worker the file is cut at line ends and the pieces are joined by their hashes.
The benchmarks run it beside `qodverify audit`.
"""
import base64
import hashlib
import json
import multiprocessing
import os
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def key_set(name):
    with open(name) as f:
        return {k["kid"]: Ed25519PublicKey.from_public_bytes(decode(k["x"])) for k in json.load(f)["keys"]}


def judge(line, keys):
    bundle = json.loads(line)
    proof, ledger = bundle["proof"], bundle["ledger"]
    if hashlib.sha256(canonical(bundle["runtime_artifact"])).hexdigest() != proof["artifacts"]["runtime_artifact_sha256"]:
        sys.exit("artifact")
    if hashlib.sha256((ledger["prev_hash"] + "|").encode() + canonical(proof)).hexdigest() != ledger["this_hash"]:
        sys.exit("ledger")
    keys[ledger["kid"]].verify(decode(ledger["signature"]), ledger["this_hash"].encode())
    return ledger["prev_hash"], ledger["this_hash"]


def piece(job):
    name, jwks, start, end = job
    keys, first, last, count = key_set(jwks), None, None, 0
    with open(name, "rb") as f:
        f.seek(start)
        while f.tell() < end:
            prev, this = judge(f.readline(), keys)
            if first is None:
                first = prev
            elif prev != last:
                sys.exit("link")
            last, count = this, count + 1
    return count, first, last


def main():
    name, jwks, workers = sys.argv[1], sys.argv[2], int(sys.argv[3])
    size = os.path.getsize(name)
    cuts = [0]
    if workers > 1:
        with open(name, "rb") as f:
            for i in range(1, 4 * workers):
                f.seek(size * i // (4 * workers))
                f.readline()
                cuts.append(f.tell())
    cuts.append(size)
    jobs = [(name, jwks, start, end) for start, end in zip(cuts, cuts[1:])]
    if workers == 1:
        results = map(piece, jobs)
    else:
        results = multiprocessing.Pool(workers).imap(piece, jobs)
    total, last = 0, "GENESIS"
    for count, first, end in results:
        if first != last:
            sys.exit("link")
        total, last = total + count, end
    print(total, last)


main()
