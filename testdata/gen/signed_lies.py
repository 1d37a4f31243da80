#!/usr/bin/env python3
"""Makes testdata/telemetry: bundles with a telemetry commitment, honest ones and
signed lies, by an implementation of the format that shares nothing with the Go one.

Every lie is signed with the good key, and hashed anew: cryptography alone finds none
of them. expected.json names the check that must, and its code.

    python3 testdata/gen/signed_lies.py        (needs the package cryptography)
"""
import base64, copy, hashlib, json, math, pathlib, random
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

OUT = pathlib.Path(__file__).resolve().parent.parent / "telemetry"
KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"signed lies").digest())
SID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
OTHER = "11111111-2222-4333-8444-555555555555"

def b64(b): return base64.urlsafe_b64encode(b).rstrip(b"=").decode()
def canon(v): return json.dumps(v, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
def sha(b): return hashlib.sha256(b).digest()

# RFC 6962, 2.1
def leaf(b): return sha(b"\x00" + b)
def split(n):
    k = 1
    while k * 2 < n: k *= 2
    return k
def tree(l):
    if len(l) == 1: return l[0]
    k = split(len(l)); return sha(b"\x01" + tree(l[:k]) + tree(l[k:]))
def path(m, l):
    if len(l) == 1: return []
    k = split(len(l))
    return path(m, l[:k]) + [tree(l[k:])] if m < k else path(m - k, l[k:]) + [tree(l[:k])]

def rank(percent, n): return -(-percent * n // 100)          # nearest rank, exact
def index(ns):
    shift = max(0, ns.bit_length() - 8)
    return (shift << 7) + (ns >> shift)
def ms(ns):
    s = "%d.%06d" % (ns // 10**6, ns % 10**6)
    return s.rstrip("0").rstrip(".")
def iso(us):
    import datetime
    t = datetime.datetime.fromtimestamp(us // 10**6, datetime.timezone.utc).replace(microsecond=us % 10**6, tzinfo=None)
    return t.isoformat() + "Z"
def neumaier(xs):
    s = c = 0.0
    for x in xs:
        t = s + x
        c += (s - t) + x if abs(s) >= abs(x) else (x - t) + s
        s = t
    return s + c
def mean(xs): return min(round(neumaier(xs) / len(xs), 2), 5000.0)

START = 1795500000 * 10**6                                   # the session's AVAILABLE, microseconds
def sample(i, delays, sid=SID, **more):
    got = sorted(d for d in delays if d is not None)
    p = lambda q: got[rank(q, len(got)) - 1]
    at = START + (i * 1_000_000)
    s = {"session_id": sid, "n": len(delays),
         "p50_ms": p(50) / 1e6 if got else None, "p95_ms": p(95) / 1e6 if got else None,
         "jitter_ms": (p(99) - got[0]) / 1e6 if got else None, "notes": "",
         "metric": "round_trip", "started_at": iso(at), "ended_at": iso(at + 900_000),
         "delays_ns": delays, "recorded_at": iso(at + 950_000)}
    s.update(more)
    return s

def plain(i, p50, p95, jitter):
    at = START + i * 1_000_000
    return {"session_id": SID, "n": 20, "p50_ms": p50, "p95_ms": p95, "jitter_ms": jitter, "notes": "", "recorded_at": iso(at)}

def parse(t):
    import datetime
    head, _, frac = t[:-1].partition(".")
    d = datetime.datetime.strptime(head, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    return int(d.timestamp()) * 10**6 + int((frac + "000000")[:6])

def commitment(samples, target, jtarget):
    leaves = [leaf(canon(s)) for s in samples]
    first = min(parse(s.get("started_at", s["recorded_at"])) for s in samples)
    last = max(parse(s.get("ended_at", s["recorded_at"])) for s in samples)
    metrics = {s.get("metric", "unspecified") for s in samples}
    c = {"format": "qodverify/telemetry/v1", "profile": "qod-mock", "count": len(samples), "root": tree(leaves).hex(),
         "first_at": iso(first), "last_at": iso(last),
         "metric": metrics.pop() if len(metrics) == 1 else "unspecified" if "unspecified" in metrics else "mixed",
         "aggregation": {"averages": "mean_of_sample_percentiles", "percentile": "nearest_rank", "jitter": "p99_minus_min"}}
    if not all("delays_ns" in s for s in samples):
        c.update(probes=None, distribution=None, delays_ns=None, not_measured=["throughput_mbps", "availability_pct", "packet_loss_pct"],
                 decision={"latency_p95_ns": None, "jitter_p99_ns": None, "result": "undecided",
                           "reasons": ["not every sample has its delays: percentiles of samples can't be pooled"]})
        return c
    every = [d for s in samples for d in s["delays_ns"]]
    got = sorted(d for d in every if d is not None)
    sent, n = len(every), len(got)
    at = lambda q: got[rank(q, n) - 1]
    bins = {}
    for d in got: bins[index(d)] = bins.get(index(d), 0) + 1
    r = rank(95, sent)
    p95 = got[r - 1] if r <= n else None
    jitter = at(99) - got[0]
    ok = p95 is not None and p95 <= target * 10**6
    okj = jitter <= jtarget * 10**6
    c.update(probes={"sent": sent, "lost": sent - n},
             distribution={"unit": "ns", "precision_bits": 7, "relative_error": 0.00390625, "bins": [[k, bins[k]] for k in sorted(bins)]},
             delays_ns={"min": got[0], "p50": at(50), "p95": at(95), "p99": at(99), "max": got[-1]},
             not_measured=["throughput_mbps", "availability_pct"],
             decision={"latency_p95_ns": p95, "jitter_p99_ns": jitter, "result": "pass" if ok and okj else "fail", "reasons": [
                 "p95 of %d probes, %d lost: %s %s target %dms" % (sent, sent - n, "undefined" if p95 is None else ms(p95) + "ms", "<=" if ok else ">", target),
                 "jitter p99 %sms %s target %dms" % (ms(jitter), "<=" if okj else ">", jtarget)]})
    return c

def session(c, duration, now):
    s = {"qosStatus": "AVAILABLE", "startedAt": iso(START), "expiresAt": iso(START + duration * 10**6), "duration": duration}
    end = START + duration * 10**6
    if now >= end: s.update(qosStatus="UNAVAILABLE", statusInfo="DURATION_EXPIRED")
    a, b = parse(c["first_at"]), parse(c["last_at"])
    inside = min(b, end) - max(a, START)
    s["available_ppm"] = 0 if inside < 0 else 1_000_000 if b == a else inside * 1_000_000 // (b - a)
    return s

def make(samples, target=50, jtarget=200, duration=60, now=None, proof=None, artifact=None, wrap=None, extra=None):
    """proof, artifact and wrap change what is about to be hashed, hashed and wrapped."""
    now = now or START + 30 * 10**6
    have = [s for s in samples if s["p95_ms"] is not None]
    m = {"samples_count": len(have), "avg_p50_ms": mean([s["p50_ms"] for s in have]),
         "avg_p95_ms": mean([s["p95_ms"] for s in have]), "avg_jitter_ms": mean([s["jitter_ms"] for s in have])}
    c = commitment(samples, target, jtarget)
    limit = min(max(1, target), 5000)
    qos, run = ("QOS_LOW_LATENCY", "turbo") if target <= 50 else ("QOS_BALANCED", "standard") if target <= 150 else ("QOS_BEST_EFFORT", "strict")
    p = {"session_id": SID,
         "requested": {"intent": {"text": "signed lies", "target_p95_latency_ms": target, "target_jitter_ms": jtarget, "duration_s": duration, "flow_label": "demo"}, "qos_profile": qos},
         "provider_observed": {"qos_status_at_finalize": "AVAILABLE", "provider_note": "local-simulated-provider"},
         "measured_outcomes": m, "created_at": iso(now), "telemetry": c, "session": session(c, duration, now)}
    if extra: p.update(extra)
    if proof: proof(p)
    m = p["measured_outcomes"]
    loss = 0.0 if c["probes"] is None else round(100 * c["probes"]["lost"] / c["probes"]["sent"], 2)
    a = {"schema_version": "v1", "session_id": SID, "created_at": iso(now - 100), "qos_profile": run,
         "inputs": {"targets": {"max_latency_ms": limit, "min_throughput_mbps": 0.1, "min_availability_pct": 0.0}, "network": {"msisdn": "", "ip_address": "", "country": ""}},
         "measured": {"latency_ms": m["avg_p95_ms"], "throughput_mbps": 0.0, "availability_pct": 100.0, "jitter_ms": m["avg_jitter_ms"], "packet_loss_pct": loss},
         "decision": {"result": "pass" if m["avg_p95_ms"] <= limit else "fail", "reasons": [
             "latency %rms %s target max_latency_ms %dms" % (m["avg_p95_ms"], "<=" if m["avg_p95_ms"] <= limit else ">", limit), "jitter observed %rms (informational)" % m["avg_jitter_ms"]]}}
    if artifact: artifact(a)
    p["artifacts"] = {"runtime_artifact_sha256": sha(canon(a)).hex(), "runtime_artifact_relpath": SID + "/artifact.json"}
    this = sha(b"GENESIS|" + canon(p)).hex()
    b = {"session_id": SID, "ledger": {"created_at": (now + 50) / 1e6, "prev_hash": "GENESIS", "this_hash": this, "signature": b64(KEY.sign(this.encode())), "kid": "lies"},
         "proof": p, "runtime_artifact": a, "runtime_artifact_relpath": SID + "/artifact.json", "jwks_url": "/.well-known/jwks.json",
         "telemetry": {"samples": copy.deepcopy(samples)}}
    if wrap: wrap(b)
    return b

def disclose(b, numbers):
    l = [leaf(canon(s)) for s in b["telemetry"]["samples"]]
    b["telemetry"] = {"disclosed": [{"index": i, "sample": b["telemetry"]["samples"][i], "path": [h.hex() for h in path(i, l)]} for i in numbers]}

rng = random.Random(5)
def around(mid, spread, n): return [max(1, int(rng.gauss(mid, spread) * 1e6)) for _ in range(n)]
# Nineteen idle windows at 10 ms and one of 1,000 probes around 180 ms: the average of
# the windows' p95s is 19.3 ms, and the p95 of all probes 195.9 ms.
def peak():
    busy = [195_900_000 + (k - 941) * (33_400 if k < 941 else 11_112) for k in range(1, 1001)]
    rng.shuffle(busy)
    return [sample(i, [10_000_000] * 10) for i in range(19)] + [sample(19, busy)]
PEAK = peak()
GOOD = [sample(i, around(20 + i, 2, 50)) for i in range(5)]
LOSSY = [sample(i, [None if rng.random() < .02 else d for d in around(25, 3, 100)]) for i in range(4)] + [sample(4, [None] * 10)]
DOWN = [sample(i, [None if j % 10 == 0 else d for j, d in enumerate(around(25, 3, 100))]) for i in range(4)]
PLAIN = [plain(i, 10.0 + i, 20.5 + i, 3.25) for i in range(4)]

def setter(*at):
    *keys, value = at
    def change(o):
        for k in keys[:-1]: o = o[k]
        o[keys[-1]] = value(o[keys[-1]]) if callable(value) else value
    return change
def both(*fs):
    def change(o):
        for f in fs: f(o)
    return change

cases = {}
def honest(name, b): cases["honest/" + name] = (b, {"verdict": "verified"})
def lie(name, check, code, b): cases["lies/" + name] = (b, {"verdict": "failed", "check": check, "code": code})

honest("good", make(GOOD))
honest("hidden-peak", make(PEAK))
honest("hidden-peak-loose", make(PEAK, target=250))
honest("lossy", make(LOSSY))
honest("mostly-down", make(DOWN))
honest("plain-samples", make(PLAIN))
honest("not-disclosed", make(GOOD, wrap=lambda b: b.pop("telemetry")))
honest("partly-disclosed", make(PEAK, wrap=lambda b: disclose(b, [0, 7, 19])))
honest("half-outside", make([sample(i, around(20, 2, 20)) for i in range(-5, 5)]))
honest("expired", make(GOOD, duration=3, now=START + 6 * 10**6))
honest("one-sample", make([sample(0, around(30, 3, 40))]))
honest("camara", make(GOOD, proof=both(setter("requested", "intent", lambda i: dict(i, qosProfile="QOS_E")), setter("session", lambda s: dict(s, qosProfile="QOS_E"))), extra={"issuer": "operator.example"}))
honest("one-way", make([sample(i, around(12, 1, 20), metric="one_way") for i in range(3)]))
honest("extended", make(GOOD, proof=both(setter("session", "duration", 600), setter("session", "expiresAt", iso(START + 600 * 10**6)))))

D = lambda *a: setter("telemetry", *a)
lie("decision-passes", "consistency", "decision_mismatch", make(PEAK, target=15, artifact=setter("decision", "result", "pass")))
lie("decision-fails", "consistency", "decision_mismatch", make(GOOD, artifact=setter("decision", "result", "fail")))
lie("reasons-of-another-value", "consistency", "reasons_mismatch", make(GOOD, artifact=setter("decision", "reasons", 0, "latency 1.0ms <= target max_latency_ms 50ms")))
lie("artifact-latency", "consistency", "latency_mismatch", make(GOOD, artifact=setter("measured", "latency_ms", 12.5)))
lie("artifact-jitter", "consistency", "jitter_mismatch", make(GOOD, artifact=setter("measured", "jitter_ms", 0.5)))
lie("artifact-target", "consistency", "target_mismatch", make(GOOD, artifact=setter("inputs", "targets", "max_latency_ms", 500)))
lie("average-lowered", "telemetry.samples", "average_mismatch", make(GOOD, proof=setter("measured_outcomes", "avg_p95_ms", 11.11)))
lie("average-jitter-lowered", "telemetry.samples", "average_mismatch", make(GOOD, proof=setter("measured_outcomes", "avg_jitter_ms", 0.01)))
lie("median-lowered", "telemetry.samples", "average_mismatch", make(GOOD, proof=setter("measured_outcomes", "avg_p50_ms", 1.0)))
lie("samples-count-raised", "telemetry", "samples_count_mismatch", make(GOOD, proof=setter("measured_outcomes", "samples_count", 500)))
lie("samples-count-lowered", "telemetry.samples", "samples_count_mismatch", make(GOOD, proof=setter("measured_outcomes", "samples_count", 4)))
lie("count-raised", "telemetry.samples", "samples_count_mismatch", make(GOOD, proof=D("count", 50)))
lie("root-of-nothing", "telemetry.samples", "telemetry_root_mismatch", make(GOOD, proof=D("root", "00" * 32)))
lie("root-without-prefix", "telemetry.samples", "telemetry_root_mismatch", make([GOOD[0]], proof=D("root", sha(canon(GOOD[0])).hex())))
lie("sample-edited", "telemetry.samples", "telemetry_root_mismatch", make(GOOD, wrap=setter("telemetry", "samples", 4, sample(4, around(5, 1, 50)))))
lie("sample-dropped", "telemetry.samples", "samples_count_mismatch", make(PEAK, wrap=lambda b: b["telemetry"]["samples"].pop()))
lie("samples-reordered", "telemetry.samples", "telemetry_root_mismatch", make(GOOD, wrap=lambda b: b["telemetry"]["samples"].reverse()))
lie("sample-note-edited", "telemetry.samples", "telemetry_root_mismatch", make(GOOD, wrap=setter("telemetry", "samples", 0, "notes", "changed")))
lie("sample-of-another-session", "telemetry.samples", "session_id_mismatch", make(GOOD[:4] + [sample(4, around(24, 2, 50), sid=OTHER)]))
lie("sample-figures", "telemetry.samples", "sample_contradictory", make(GOOD[:4] + [sample(4, around(24, 2, 50), p95_ms=9.5, p50_ms=9.0)]))
lie("sample-n", "telemetry.samples", "sample_contradictory", make(GOOD[:4] + [sample(4, around(24, 2, 50), n=5000)]))
lie("p95-lowered", "telemetry", "distribution_mismatch", make(PEAK, proof=D("delays_ns", "p95", 19_300_000)))
lie("p95-of-all-lowered", "telemetry", "distribution_mismatch", make(PEAK, proof=D("decision", "latency_p95_ns", 19_300_000)))
lie("p95-within-its-bin", "telemetry.samples", "distribution_mismatch", make(PEAK, proof=both(D("delays_ns", "p95", lambda v: (v >> 20) << 20))))
lie("pooled-decision-passes", "telemetry", "decision_mismatch", make(PEAK, proof=D("decision", "result", "pass")))
lie("pooled-reasons", "telemetry", "reasons_mismatch", make(PEAK, proof=D("decision", "reasons", 0, "p95 of 1190 probes, 0 lost: 19.3ms > target 50ms")))
lie("pooled-jitter-lowered", "telemetry", "distribution_mismatch", make(GOOD, proof=D("decision", "jitter_p99_ns", 5)))
lie("bins-of-another-session", "telemetry.samples", "distribution_mismatch",
    make(PEAK, proof=lambda p: p.update(telemetry=dict(commitment([sample(0, [10_000_000] * 1190)], 50, 200), root=p["telemetry"]["root"], count=20, first_at=p["telemetry"]["first_at"], last_at=p["telemetry"]["last_at"]))))
lie("loss-hidden", "telemetry", "distribution_mismatch", make(LOSSY, proof=D("probes", "lost", 0)))
lie("loss-not-sent", "telemetry.samples", "distribution_mismatch", make(LOSSY,
    proof=lambda p: p["telemetry"].update(commitment([sample(i, [d for d in s["delays_ns"] if d is not None] or [25_000_000]) for i, s in enumerate(LOSSY[:4])], 50, 200), root=p["telemetry"]["root"], count=5, first_at=p["telemetry"]["first_at"], last_at=p["telemetry"]["last_at"]),
    artifact=setter("measured", "packet_loss_pct", 0.0)))
lie("artifact-loss-zero", "telemetry", "packet_loss_mismatch", make(LOSSY, artifact=setter("measured", "packet_loss_pct", 0.0)))
lie("latency-defined-under-loss", "telemetry", "distribution_mismatch", make(DOWN, proof=D("decision", "latency_p95_ns", 30_000_000)))
lie("available-raised", "telemetry", "window_mismatch", make([sample(i, around(20, 2, 20)) for i in range(-5, 5)], proof=setter("session", "available_ppm", 1_000_000)))
lie("window-moved", "telemetry.samples", "distribution_mismatch", make([sample(i, around(20, 2, 20)) for i in range(-5, 5)],
    proof=both(D("first_at", iso(START)), setter("session", "available_ppm", 1_000_000))))
lie("session-prolonged", "telemetry", "session_life_mismatch", make(GOOD, duration=3, now=START + 6 * 10**6, proof=both(setter("session", "expiresAt", iso(START + 60 * 10**6)), setter("session", "available_ppm", 1_000_000))))
lie("available-after-its-end", "telemetry", "session_life_mismatch", make(GOOD, duration=3, now=START + 6 * 10**6, proof=lambda p: (p["session"].pop("statusInfo"), p["session"].update(qosStatus="AVAILABLE"))))
lie("camara-profile-swapped", "telemetry", "qos_profile_mismatch", make(GOOD, proof=setter("session", lambda s: dict(s, qosProfile="QOS_E"))))
lie("declared-profile", "telemetry", "telemetry_profile_mismatch", make([sample(0, [20_000_000] * 10)], proof=D("profile", "jcs")))
lie("rule-renamed", "telemetry", "telemetry_malformed", make(GOOD, proof=D("aggregation", "percentile", "best_case")))
lie("error-understated", "telemetry", "telemetry_malformed", make(GOOD, proof=D("distribution", "relative_error", 1e-9)))
lie("bins-negative", "telemetry", "telemetry_malformed", make(GOOD, proof=D("distribution", "bins", lambda b: [[b[0][0], -5]] + b[1:])))
lie("distribution-withheld", "telemetry.samples", "distribution_mismatch", make(GOOD, proof=lambda p: p["telemetry"].update(
    {k: commitment(PLAIN, 50, 200)[k] for k in ("probes", "distribution", "delays_ns", "decision", "not_measured")})))
lie("path-of-another-sample", "telemetry.samples", "telemetry_root_mismatch", make(PEAK, wrap=lambda b: (disclose(b, [0, 7]), b["telemetry"]["disclosed"][0].update(path=b["telemetry"]["disclosed"][1]["path"]))))
lie("disclosed-at-another-place", "telemetry.samples", "telemetry_root_mismatch", make(PEAK, wrap=lambda b: (disclose(b, [7]), b["telemetry"]["disclosed"][0].update(index=8))))
lie("disclosed-edited", "telemetry.samples", "telemetry_root_mismatch", make(GOOD, wrap=lambda b: (disclose(b, [2]), b["telemetry"]["disclosed"][0]["sample"].update(notes="x"))))

expected = {}
for name, (b, want) in cases.items():
    f = OUT / (name + ".json")
    f.parent.mkdir(parents=True, exist_ok=True)
    f.write_bytes(json.dumps(b, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    expected[name + ".json"] = want
x = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
(OUT / "jwks.json").write_text(json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "lies", "use": "sig", "alg": "EdDSA", "x": b64(x)}]}, indent=2) + "\n")
(OUT / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")
print(len(cases), "cases; true p95", cases["honest/hidden-peak"][0]["proof"]["telemetry"]["delays_ns"]["p95"] / 1e6, "average", cases["honest/hidden-peak"][0]["proof"]["measured_outcomes"]["avg_p95_ms"])
