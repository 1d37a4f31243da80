#!/usr/bin/env python3
"""Writes the records of a v0.1 ledger database as JSON Lines.

    python3 export_v01.py LEDGER.sqlite3 > ledger.jsonl

Each line is one ledger record {session_id, created_at, prev_hash, this_hash,
proof} in ledger order, with every number as the database has it.
"""
import json
import sqlite3
import sys


def main():
    db = sqlite3.connect("file:%s?immutable=1" % sys.argv[1], uri=True)
    rows = db.execute("SELECT session_id, created_at, prev_hash, this_hash, proof_json FROM proof_ledger ORDER BY created_at")
    for session_id, created_at, prev_hash, this_hash, proof in rows:
        record = {"session_id": session_id, "created_at": created_at, "prev_hash": prev_hash, "this_hash": this_hash, "proof": json.loads(proof)}
        print(json.dumps(record, ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    main()
