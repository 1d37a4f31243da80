#!/usr/bin/env python3
"""Says of ledgers what an audit must say, and holds qodverify to it.

It shares nothing with the Go code. It makes honest ledgers, does to them what disks,
copies, holders and signers do, one or two things at a time, and knows the exit status:

  two signatures that contradict, or bytes that don't hash   failed (1)
  a line that can't be read                                  malformed (3)
  records, artifacts, signatures or kids that are not there  inconclusive (4)
  none of these                                              verified (0)

Each ledger is audited as JSONL and as a folder, and what it holds is verified as a folder
of bundles, where what is missing between records changes no verdict.

    python3 testdata/gen/ledger_oracle.py QODVERIFY [LEDGERS [SEED]]

It needs the standard library alone, prints what differs and ends with 1 if anything does.
"""
import base64, copy, hashlib, json, pathlib, random, subprocess, sys, tempfile, uuid
sys.dont_write_bytecode = True
import pure_ed25519

KEYS = {kid: pure_ed25519.Key(hashlib.sha256(b"ledger oracle " + kid.encode()).digest()) for kid in ("first", "second")}

def b64(b): return base64.urlsafe_b64encode(b).rstrip(b"=").decode()
def canon(v): return json.dumps(v, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
def sha(b): return hashlib.sha256(b).hexdigest()

def record(rng, prev, at, session=None, kid="first"):
    """An honest record after prev."""
    s = session or str(uuid.UUID(int=rng.getrandbits(128), version=4))
    target, p95 = rng.choice((20, 50, 100, 400)), round(rng.uniform(1, 200), 2)
    p50, jitter = round(p95 * rng.uniform(0.2, 1), 2), round(rng.uniform(0, 50), 2)
    profile, name = ("QOS_LOW_LATENCY", "turbo") if target <= 50 else ("QOS_BALANCED", "standard") if target <= 150 else ("QOS_BEST_EFFORT", "strict")
    stamp = "2026-11-24T%02d:%02d:%02d.%06dZ" % (at // 3600, at // 60 % 60, at % 60, rng.randrange(1, 999999))
    met = p95 <= target
    artifact = {
        "schema_version": "v1", "session_id": s, "created_at": stamp, "qos_profile": name,
        "inputs": {"targets": {"max_latency_ms": target, "min_throughput_mbps": 0.1, "min_availability_pct": 0.0}, "network": {"msisdn": "", "ip_address": "", "country": ""}},
        "measured": {"latency_ms": p95, "throughput_mbps": 0.0, "availability_pct": 100.0, "jitter_ms": jitter, "packet_loss_pct": 0.0},
        "decision": {"result": "pass" if met else "fail", "reasons": ["latency %rms %s target max_latency_ms %dms" % (p95, "<=" if met else ">", target), "jitter observed %rms (informational)" % jitter]},
    }
    path = s + "/artifact.json"
    proof = {
        "session_id": s, "requested": {"intent": {"text": "oracle", "target_p95_latency_ms": target, "target_jitter_ms": 50, "duration_s": 60, "flow_label": "f"}, "qos_profile": profile},
        "provider_observed": {"qos_status_at_finalize": "AVAILABLE", "provider_note": "local-simulated-provider"},
        "measured_outcomes": {"samples_count": rng.randrange(1, 9), "avg_p50_ms": p50, "avg_p95_ms": p95, "avg_jitter_ms": jitter},
        "created_at": stamp, "artifacts": {"runtime_artifact_sha256": sha(canon(artifact)), "runtime_artifact_relpath": path},
    }
    return sign({"session_id": s, "ledger": {"created_at": 1795500000.0 + at, "prev_hash": prev, "this_hash": "", "signature": "", "kid": kid}, "proof": proof,
                 "runtime_artifact": artifact, "runtime_artifact_relpath": path, "jwks_url": "/.well-known/jwks.json"})

def sign(b):
    e = b["ledger"]
    e["this_hash"] = sha(e["prev_hash"].encode() + b"|" + canon(b["proof"]))
    e["signature"] = b64(KEYS[e["kid"]].sign(e["this_hash"].encode()))
    return b

def honest(rng):
    n, prev, out = rng.randrange(3, 10), "GENESIS", []
    turn = rng.choice((n, n, rng.randrange(1, n)))  # where the operator changes keys
    for i in range(n):
        out.append(record(rng, prev, 60 * i, kid="first" if i < turn else "second"))
        prev = out[-1]["ledger"]["this_hash"]
    return out

# Each change takes the lines and says what it did: a set of f (a contradiction), again
# (one session proven twice), u (can't be read), m (something of a record is not there), gap
# (a record is not there), copy (the same record twice), first
# (a second first record: no ledger has two, and files may be of two ledgers). None: it did not apply.

def signed(b): return b["ledger"].get("kid") in KEYS and bool(b["ledger"].get("signature"))

def cut(rng, lines):
    del lines[rng.randrange(0, len(lines) - 1)]
    return {"gap"}
def cut_front(rng, lines):
    del lines[:rng.randrange(1, len(lines))]
    return {"gap"}
def cut_tail(rng, lines):
    del lines[rng.randrange(1, len(lines)):]
    return set()  # a chain can't show its end
def shuffle(rng, lines):
    rng.shuffle(lines)
    return set()
def twice(rng, lines):
    b = rng.choice(lines)
    if b == "": return None
    for _ in range(rng.choice((1, 1, 2, 40))):
        lines.insert(rng.randrange(len(lines) + 1), again := copy.deepcopy(b))
        if isinstance(b, dict) and rng.random() < 0.3: again["ledger"].pop("signature", 0)
    return {"copy", "m"} if any(isinstance(b, dict) and not b["ledger"].get("signature") for b in lines) else {"copy"}
def blank(rng, lines):
    lines.insert(rng.randrange(len(lines) + 1), "")
    return set()
def torn(rng, lines):
    i = rng.randrange(len(lines))
    if not isinstance(lines[i], dict): return None
    text = json.dumps(lines[i])
    lines[i] = text[:rng.randrange(2, len(text) - 1)]
    return {"u", "gap"}
def drop(rng, lines):
    b = rng.choice(lines)
    if not isinstance(b, dict): return None
    where, name = rng.choice(((b, "runtime_artifact"), (b["ledger"], "signature"), (b["ledger"], "kid")))
    if name not in where: return None
    if name != "runtime_artifact" and rng.random() < 0.5: where[name] = None
    else: del where[name]
    return {"m"}
def unsigned(rng, lines):
    b = rng.choice(lines)
    if not isinstance(b, dict): return None
    rng.choice((lambda: b.pop("jwks_url", 0), lambda: b.__setitem__("x", 1), lambda: b["ledger"].pop("created_at", 0)))()
    return set()
def edit(rng, lines):
    b = rng.choice(lines)
    if not isinstance(b, dict): return None
    def proof(): b["proof"]["measured_outcomes"]["avg_p95_ms"] += 0.5
    def text(): b["proof"]["requested"]["intent"]["text"] += "x"
    def lost(): b["proof"].pop("provider_observed", 0) or b["proof"]["requested"]["intent"].__setitem__("text", "y")
    def artifact(): b.get("runtime_artifact", b["proof"]["artifacts"])[ "decision" if "runtime_artifact" in b else "runtime_artifact_sha256"] = {"result": "pass", "reasons": []} if "runtime_artifact" in b else "0" * 64
    def link(): b["ledger"]["prev_hash"] = sha(b"elsewhere")
    def this(): b["ledger"]["this_hash"] = sha(b"elsewhere")
    rng.choice((proof, text, lost, artifact, link, this))()
    return {"f"}
def forged(rng, lines):
    b = rng.choice(lines)
    if not isinstance(b, dict) or not b["ledger"].get("signature") or b["ledger"].get("kid") not in KEYS: return None
    b["ledger"]["signature"] = b64(pure_ed25519.Key(b"x" * 32).sign(b["ledger"]["this_hash"].encode()))
    return {"f"}
def unknown_key(rng, lines):
    b = rng.choice(lines)
    if not isinstance(b, dict): return None
    b["ledger"]["kid"] = "elsewhere"
    return {"m"}
def fork(rng, lines):
    b = rng.choice(lines)
    if not isinstance(b, dict): return None
    b = next((o for o in lines if isinstance(o, dict) and o["ledger"]["this_hash"] == b["ledger"]["this_hash"] and signed(o)), b)
    lines.insert(rng.randrange(len(lines) + 1), record(rng, b["ledger"]["prev_hash"], 1800))
    if not signed(b): return {"m"}  # whose record the other is, nobody knows
    return {"first" if b["ledger"]["prev_hash"] == "GENESIS" else "f"}
def session_again(rng, lines):
    """A signer proves a session of the ledger once more, at its end."""
    if not all(isinstance(b, dict) for b in lines): return None
    b, follows = rng.choice(lines), {b["ledger"]["prev_hash"] for b in lines}
    b = next((o for o in lines if o["ledger"]["this_hash"] == b["ledger"]["this_hash"] and signed(o)), b)
    ends = [b for b in lines if b["ledger"]["this_hash"] not in follows]
    lines.append(record(rng, ends[-1]["ledger"]["this_hash"], 1800, b["session_id"]))
    return {"again" if signed(b) else "m"}

def impossible(rng, lines):
    """A signer signs what can't be, or contradicts himself, at the end of the ledger."""
    ends = [b for b in lines if isinstance(b, dict)]
    if len(ends) != len(lines): return None
    follows = {b["ledger"]["prev_hash"] for b in ends}
    b = record(rng, [b for b in ends if b["ledger"]["this_hash"] not in follows][-1]["ledger"]["this_hash"], 1800)
    m = b["runtime_artifact"]["measured"]
    def loss(): m["packet_loss_pct"] = -1.0
    def there(): m["availability_pct"] = 150.0
    def rate(): m["throughput_mbps"] = -5.0
    def order(): b["proof"]["measured_outcomes"]["avg_p50_ms"] = 4999.0
    def result(): b["runtime_artifact"]["decision"]["result"] = {"pass": "fail", "fail": "pass"}[b["runtime_artifact"]["decision"]["result"]]
    def other(): b["runtime_artifact"]["session_id"] = str(uuid.UUID(int=5))
    rng.choice((loss, there, rate, order, result, other))()
    b["proof"]["artifacts"]["runtime_artifact_sha256"] = sha(canon(b["runtime_artifact"]))
    lines.append(sign(b))
    return {"f"}

# In this order none takes away what one before it did.
CHANGES = [cut_tail, cut, cut_front, torn, blank, drop, unknown_key, unsigned, twice, shuffle, edit, forged, fork, session_again, impossible]

def right(did):
    """The exit status of an audit of all that was done."""
    if did & {"f", "again", "first"}: return {1}
    if "u" in did: return {3}
    return {4} if did & {"m", "gap", "copy"} else {0}

def main():
    binary, total, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2000, int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rng, wrong, counts = random.Random(seed), 0, {}
    with tempfile.TemporaryDirectory() as d:
        d = pathlib.Path(d)
        (d / "jwks.json").write_text(json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": b64(key.public)} for kid, key in KEYS.items()]}))
        def run(*args):
            p = subprocess.run([binary, *args[:1], "--offline", "--jwks", str(d / "jwks.json"), *map(str, args[1:])], capture_output=True, text=True)
            return p.returncode, p.stdout + p.stderr
        for i in range(total):
            lines, did, names = honest(rng), set(), []
            whole = copy.deepcopy(lines)
            for change in sorted(rng.choices(CHANGES, k=rng.choice((0, 1, 1, 2, 2, 3))), key=CHANGES.index):
                trial = copy.deepcopy(lines)
                if len(lines) < 2: continue
                done = change(rng, trial)
                if done is None: continue
                lines, did, names = trial, did | done, names + [change.__name__]
            want = right(did)
            path = d / "ledger.jsonl"
            path.write_text("".join((json.dumps(b, ensure_ascii=False) if isinstance(b, dict) else b) + "\n" for b in lines))
            code, out = run("audit", path)
            counts[code] = counts.get(code, 0) + 1
            if code not in want:
                wrong += 1
                if wrong <= 20: print("%d %s: exit %d, right is %s\n%s" % (i, names, code, want, "\n".join(out.splitlines()[:12])))
            # The same as files: each is judged as in the audit, and what is missing between
            # them changes no verdict.
            folder = d / str(i)
            folder.mkdir()
            for n, b in enumerate(lines):
                if b != "": (folder / ("%02d.json" % n)).write_text(json.dumps(b, ensure_ascii=False) if isinstance(b, dict) else b)
            alone = {1} if "f" in did else {3} if "u" in did else {4} if "m" in did else {0}
            if "again" in did: alone = alone | {1}  # where the two results contradict
            for command, want in (("audit", right(did)), ("verify", alone)):
                code, out = run(command, folder)
                if code not in want:
                    wrong += 1
                    if wrong <= 20: print("%d %s, %s of a folder: exit %d, right is %s\n%s" % (i, names, command, code, want, "\n".join(out.splitlines()[:12])))
            # A part after the record before it: nothing is missing then.
            k = rng.randrange(1, len(whole))
            path.write_text("".join(json.dumps(b) + "\n" for b in whole[k:]))
            for previous, want in ((whole[k - 1]["ledger"]["this_hash"], 0), (sha(b"elsewhere"), 1)):
                code, out = run("audit", "--previous", previous, path)
                if code != want:
                    wrong += 1
                    if wrong <= 20: print("%d part after %s: exit %d, right is %d\n%s" % (i, previous[:8], code, want, "\n".join(out.splitlines()[:12])))
    print("%d ledgers, %d judged wrongly; %s" % (total, wrong, ", ".join("exit %d: %d" % n for n in sorted(counts.items()))))
    sys.exit(wrong > 0)

if __name__ == "__main__":
    main()
