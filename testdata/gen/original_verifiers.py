#!/usr/bin/env python3
"""The two offline checks of the original service, by their formulas.

    python3 original_verifiers.py JWKS.json BUNDLE.json...

verify_proof: sha256 of the canonical artifact is what the proof claims, and
sha256(prev_hash + "|" + canonical(proof)) is this_hash. verify_signature:
Ed25519 over the characters of this_hash, by the key of the record's kid.
Prints "ok" or what does not hold, a line for each bundle.
"""
import base64
import hashlib
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(text):
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def check(bundle, keys):
    ledger, proof = bundle["ledger"], bundle["proof"]
    if sha256(canonical(bundle["runtime_artifact"])) != proof["artifacts"]["runtime_artifact_sha256"]:
        return "runtime_hash_mismatch"
    if sha256(ledger["prev_hash"] + "|" + canonical(proof)) != ledger["this_hash"]:
        return "ledger_hash_mismatch"
    try:
        Ed25519PublicKey.from_public_bytes(decode(keys[ledger["kid"]])).verify(decode(ledger["signature"]), ledger["this_hash"].encode("utf-8"))
    except InvalidSignature:
        return "signature_mismatch"
    return "ok"


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        keys = {key["kid"]: key["x"] for key in json.load(f)["keys"]}
    for name in sys.argv[2:]:
        with open(name, encoding="utf-8") as f:
            print(check(json.load(f), keys))


if __name__ == "__main__":
    main()
