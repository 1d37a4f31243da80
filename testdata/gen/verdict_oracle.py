#!/usr/bin/env python3
"""Says of proof bundles what a verifier must say, and holds qodverify to it.

It shares nothing with the Go code: its rules are written down here once more, from the
format's description. It changes honest bundles, one or two members at a time, as a
signer who lies with the good key (hashed and signed anew) and as a holder who passes
them on (not signed anew), and knows of each result which verdicts are right:

  contradiction, or a value that can't be   failed
  something missing, or of another type     inconclusive: neither failed nor verified
  none of both                              verified

    python3 testdata/gen/verdict_oracle.py QODVERIFY [MUTANTS [SEED]]

It needs the standard library alone, prints what differs and ends with 1 if anything does.
"""
import base64, copy, hashlib, json, math, os, pathlib, random, re, subprocess, sys, tempfile
sys.dont_write_bytecode = True
import pure_ed25519

ROOT = pathlib.Path(__file__).resolve().parent.parent
KEY = pure_ed25519.Key(hashlib.sha256(b"verdict oracle").digest())

def b64(b): return base64.urlsafe_b64encode(b).rstrip(b"=").decode()
def canon(v): return json.dumps(v, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
def sha(b): return hashlib.sha256(b).hexdigest()

def seal(b, artifact_hash=True):
    """Hashes and signs a bundle anew, as far as it has what is hashed."""
    p, e = b["proof"], b["ledger"]
    if artifact_hash and isinstance(b.get("runtime_artifact"), dict) and isinstance(p.get("artifacts"), dict):
        p["artifacts"]["runtime_artifact_sha256"] = sha(canon(b["runtime_artifact"]))
    e["this_hash"] = sha(e["prev_hash"].encode() + b"|" + canon(p))
    e["signature"], e["kid"] = b64(KEY.sign(e["this_hash"].encode())), "oracle"
    return b

# ---- the format

MISSING = object()
def at(v, path):
    for name in path.split("/"):
        if not isinstance(v, dict) or name not in v: return MISSING
        v = v[name]
    return v

def is_int(v): return type(v) is int
def is_num(v): return type(v) in (int, float)
TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII)
def is_time(v):
    if isinstance(v, str):
        m = TIME.fullmatch(v)
        if not m: return False
        y, month, day = (int(m[i]) for i in (1, 2, 3))
        days = [31, 29 if y % 4 == 0 and (y % 100 or y % 400 == 0) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return 1 <= month <= 12 and 1 <= day <= days[month - 1]
    return is_num(v) and re.fullmatch(r"\d{1,12}(\.\d+)?", repr(v), re.ASCII) is not None and v < 253402300800

INF = math.inf
PROOF = [  # member, type, lowest, highest, may be absent
    ("requested", dict), ("requested/qos_profile", str), ("requested/intent", dict), ("requested/intent/text", str), ("requested/intent/flow_label", str),
    ("requested/intent/target_p95_latency_ms", int, 1, 60000), ("requested/intent/target_jitter_ms", int, 0, 60000), ("requested/intent/duration_s", int, 1, 2**31 - 1),
    ("requested/intent/qosProfile", str, None, None, True), ("provider_observed", dict), ("provider_observed/qos_status_at_finalize", str), ("provider_observed/provider_note", str),
    ("measured_outcomes", dict), ("measured_outcomes/samples_count", int, 1, 2**53 - 1), ("measured_outcomes/avg_p50_ms", float, 0, 5000),
    ("measured_outcomes/avg_p95_ms", float, 0, 5000), ("measured_outcomes/avg_jitter_ms", float, 0, 5000), ("created_at", "time"), ("issuer", str, None, None, True),
]
ARTIFACT = [
    ("schema_version", str), ("session_id", str), ("created_at", "time"), ("qos_profile", str), ("inputs", dict), ("inputs/targets", dict),
    ("inputs/targets/max_latency_ms", int, 1, 5000), ("inputs/targets/min_throughput_mbps", float, 0, 100000), ("inputs/targets/min_availability_pct", float, 0, 100),
    ("inputs/network", dict), ("inputs/network/msisdn", str), ("inputs/network/ip_address", str), ("inputs/network/country", str), ("measured", dict),
    ("measured/latency_ms", float, 0, 5000), ("measured/throughput_mbps", float, 0, 10**6), ("measured/availability_pct", float, 0, 100),
    ("measured/jitter_ms", float, 0, 5000), ("measured/packet_loss_pct", float, 0, 100), ("decision", dict), ("decision/result", ["pass", "fail"]), ("decision/reasons", list),
]
CLOSED = {"": 7, "inputs": 2, "inputs/targets": 3, "inputs/network": 3, "measured": 5, "decision": 2}
KNOWN = {m[0] for m in ARTIFACT}

class Judge:
    """What is right to say of a bundle that is hashed and signed: f contradictions, m
    members that are missing or not understood, w: a doubt that only weakens f."""
    def __init__(self): self.f, self.m = [], []

    def shape(self, root, prefix, table):
        for path, kind, *more in table:
            v, bounds = at(root, path), more[:2] if more else (None, None)
            if v is MISSING or v is None:
                if not (more[2:] and more[2]): self.m.append(prefix + path)
                continue
            if kind == "time":
                if not is_time(v): self.m.append(prefix + path)
            elif isinstance(kind, list):
                if not isinstance(v, str): self.m.append(prefix + path)
                elif v not in kind: self.f.append(prefix + path)
            elif kind in (int, float):
                if not (is_int(v) if kind is int else is_num(v)): self.m.append(prefix + path)
                elif not bounds[0] <= v <= bounds[1]: self.f.append(prefix + path)
            elif not isinstance(v, kind) or kind is list and any(not isinstance(x, str) for x in v): self.m.append(prefix + path)

    def differ(self, name, a, b):
        """Two statements of one fact; whichever is missing was told already."""
        if a is not MISSING and b is not MISSING and a != b: self.f.append(name)

def text(v): return v if isinstance(v, str) else MISSING
def whole(v): return v if is_int(v) and abs(v) < 2**63 else MISSING
def number(v): return float(v) if is_num(v) and abs(v) < 1e308 else MISSING

def judge(b):
    j = Judge()
    p, a, sid = b["proof"], b.get("runtime_artifact"), b["proof"]["session_id"]
    j.shape(p, "proof/", PROOF)
    j.differ("session", b["session_id"], sid)
    j.differ("relpath", p["artifacts"]["runtime_artifact_relpath"], sid + "/artifact.json")
    j.differ("wrapper relpath", b["runtime_artifact_relpath"], sid + "/artifact.json")
    p50, p95, jitter = (number(at(p, "measured_outcomes/avg_%s_ms" % x)) for x in ("p50", "p95", "jitter"))
    if MISSING not in (p50, p95) and p50 > p95: j.f.append("p50 above p95")
    target = whole(at(p, "requested/intent/target_p95_latency_ms"))
    profile = text(at(p, "requested/qos_profile"))
    if target is not MISSING:
        j.differ("profile", profile, "QOS_LOW_LATENCY" if target <= 50 else "QOS_BALANCED" if target <= 150 else "QOS_BEST_EFFORT")
    schema = a.get("schema_version", MISSING) if isinstance(a, dict) else MISSING
    known = not (isinstance(schema, str) and schema != "v1" or is_num(schema))
    if a is None: j.m.append("artifact")
    elif not known: j.m.append("schema_version")
    else:
        j.shape(a, "artifact/", ARTIFACT)
        for path in CLOSED:
            o = at(a, path) if path else a
            if isinstance(o, dict): j.m += [path + "/" + k for k in o if (path + "/" + k).lstrip("/") not in KNOWN]
        against(j, a, sid, profile, p95, jitter, target)
    if "telemetry" in p or "session" in p: telemetry(j, p, a if known else None, b)
    return j

def against(j, a, sid, profile, p95, jitter, target):
    j.differ("artifact session", text(at(a, "session_id")), sid)
    runtime = {"QOS_LOW_LATENCY": "turbo", "QOS_BALANCED": "standard", "QOS_BEST_EFFORT": "strict"}.get(profile, MISSING)
    j.differ("artifact profile", text(at(a, "qos_profile")), runtime)
    j.differ("latency", number(at(a, "measured/latency_ms")), p95)
    j.differ("jitter", number(at(a, "measured/jitter_ms")), jitter)
    limit, reasons = whole(at(a, "inputs/targets/max_latency_ms")), at(a, "decision/reasons")
    if MISSING in (target, limit): return
    j.differ("limit", limit, min(max(1, target), 5000))
    if MISSING in (p95, jitter): return
    j.differ("result", text(at(a, "decision/result")), "pass" if p95 <= limit else "fail")
    if isinstance(reasons, list) and all(isinstance(x, str) for x in reasons):
        j.differ("reasons", reasons, ["latency %rms %s target max_latency_ms %dms" % (p95, "<=" if p95 <= limit else ">", limit), "jitter observed %rms (informational)" % jitter])

# ---- the commitment to samples

def rank(percent, n): return -(-percent * n // 100)
def index(ns):
    shift = max(0, ns.bit_length() - 8)
    return (shift << 7) + (ns >> shift)
def ms(ns):
    s = "%d.%06d" % (ns // 10**6, ns % 10**6)
    return s.rstrip("0").rstrip(".")

class Reader:
    def __init__(self, v): self.v, self.f, self.m = v, [], []
    def get(self, path, kind, low=None, high=None, words=None, null=False):
        v = at(self.v, path)
        if null and v is None: return None
        if kind is int and not is_int(v) or kind is float and not is_num(v) or kind not in (int, float) and not isinstance(v, kind):
            self.m.append(path)
            return MISSING
        if low is not None and not low <= v <= high or words and v not in words:
            self.f.append(path)
            return MISSING
        return v

def read(t):
    """The commitment's members, each of its type and within its range."""
    r = Reader(t)
    g = r.get
    if g("format", str) not in (MISSING, "qodverify/telemetry/v1"):
        r.m.append("format")
        return r, {}
    c = {"count": g("count", int, 1, 10**6), "metric": g("metric", str, words=["round_trip", "one_way", "mixed", "unspecified"])}
    g("profile", str, words=["qod-mock", "jcs"])
    for path, word in (("averages", "mean_of_sample_percentiles"), ("percentile", "nearest_rank"), ("jitter", "p99_minus_min")): g("aggregation/" + path, str, words=[word])
    root = g("root", str)
    if root is not MISSING and not re.fullmatch("[0-9a-f]{64}", root): r.f.append("root")
    for path in ("first_at", "last_at"):
        v = g(path, str)
        if v is not MISSING and not (is_time(v) and v.endswith("Z")): r.f.append(path)
    names = g("not_measured", list)
    c["not_measured"] = names
    if names is not MISSING and any(not isinstance(x, str) for x in names): r.m.append("not_measured")
    elif names is not MISSING and len(names) > 8: r.f.append("not_measured")
    c["pooled"] = at(t, "distribution") is not None
    if not c["pooled"]:
        for path in ("probes", "delays_ns"):
            v = at(t, path)
            if v is MISSING: r.m.append(path)
            elif v is not None: r.f.append(path)
    else: pooled(r, c)
    c["latency"], c["jitter"] = g("decision/latency_p95_ns", int, 0, 60 * 10**9, null=True), g("decision/jitter_p99_ns", int, 0, 60 * 10**9, null=True)
    c["result"], c["reasons"] = g("decision/result", str, words=["pass", "fail", "undecided"]), g("decision/reasons", list)
    if c["reasons"] is not MISSING and any(not isinstance(x, str) for x in c["reasons"]): r.m.append("decision/reasons")
    elif c["reasons"] is not MISSING and len(c["reasons"]) > 8: r.f.append("decision/reasons")
    return r, c

def pooled(r, c):
    g = r.get
    c["sent"] = g("probes/sent", int, 1, 10**7 + 10**11)
    c["lost"] = g("probes/lost", int, 0, c["sent"] if c["sent"] is not MISSING else 10**12)
    g("distribution/unit", str, words=["ns"])
    g("distribution/precision_bits", int, 7, 7)
    g("distribution/relative_error", float, 2**-8, 2**-8)
    bins, last = g("distribution/bins", list), -1
    c["bins"] = bins
    for pair in bins if bins is not MISSING else []:
        if not (isinstance(pair, list) and len(pair) == 2 and is_int(pair[0]) and is_int(pair[1])):
            r.m.append("bins")
            break
        if pair[0] <= last or pair[0] > index(60 * 10**9) or not 1 <= pair[1] <= 10**7:
            r.f.append("bins")
            break
        last = pair[0]
    if MISSING in (c["sent"], c["lost"]): return
    if c["sent"] > c["lost"]: c["delays"] = [g("delays_ns/" + x, int, 0, 60 * 10**9) for x in ("min", "p50", "p95", "p99", "max")]
    elif any(v is not None for v in (at(r.v, "delays_ns") or {}).values()): r.f.append("delays_ns")

def telemetry(j, p, a, b):
    if "telemetry" not in p:
        j.m.append("telemetry")
        return
    t = p["telemetry"]
    r, c = read(t) if isinstance(t, dict) else (Reader({}), None)
    if c is None: r.m.append("telemetry")
    j.f += ["telemetry/" + x for x in r.f]
    j.m += ["telemetry/" + x for x in r.m]
    if r.f or r.m: return  # the rest is not compared
    intent, got = at(p, "requested/intent"), at(p, "session/qosProfile")
    if isinstance(intent, dict) and "qosProfile" not in intent and got is not MISSING: j.f.append("a profile that nobody asked for")
    jt, target = whole(at(p, "requested/intent/target_jitter_ms")), whole(at(p, "requested/intent/target_p95_latency_ms"))
    for name in c["not_measured"]:
        if name in ("latency_ms", "jitter_ms") or name == "packet_loss_pct" and c["pooled"]: j.f.append("not_measured")
        elif name not in ("throughput_mbps", "availability_pct", "packet_loss_pct"): j.m.append("not_measured")
    counts(j, p, c, b)
    if not c["pooled"]:
        if c["latency"] is not None: j.f.append("latency of nothing")
        if MISSING not in (jt, target):
            j.differ("decision", (c["jitter"], c["result"], c["reasons"]), (None, "undecided", ["not every sample has its delays: percentiles of samples can't be pooled"]))
        return
    if c["metric"] == "mixed": j.f.append("mixed")
    n, ranks = c["sent"] - c["lost"], {}
    if sum(x[1] for x in c["bins"]) != n: j.f.append("bins' total")
    elif n > 0:
        cumulated = [(i, sum(x[1] for x in c["bins"][:k + 1])) for k, (i, _) in enumerate(c["bins"])]
        bin_of = lambda k: next(i for i, total in cumulated if k <= total)
        points = list(zip([1, rank(50, n), rank(95, n), rank(99, n), n], c["delays"]))
        if any(index(d) != bin_of(k) for k, d in points): j.f.append("delays not in their bins")
        k = rank(95, c["sent"])
        if (k <= n) != (c["latency"] is not None): j.f.append("latency defined")
        elif c["latency"] is not None:
            if index(c["latency"]) != bin_of(k): j.f.append("latency not in its bin")
            points.append((k, c["latency"]))
        for k1, d1 in points:
            for k2, d2 in points:
                if k1 < k2 and d1 > d2 or k1 == k2 and d1 != d2: j.f.append("order of delays")
    loss = number(at(a, "measured/packet_loss_pct")) if a is not None else MISSING
    if loss is not MISSING: j.differ("loss", loss, round(100 * c["lost"] / c["sent"], 2))
    if n > 0:
        j.differ("jitter p99", c["jitter"], c["delays"][3] - c["delays"][0])
        averages(j, p, c)
        if MISSING not in (jt, target):
            good, steady = c["latency"] is not None and c["latency"] <= target * 10**6, c["delays"][3] - c["delays"][0] <= jt * 10**6
            j.differ("decision", c["result"], "pass" if good and steady else "fail")
            j.differ("decision's reasons", c["reasons"], [
                "p95 of %d probes, %d lost: %s %s target %dms" % (c["sent"], c["lost"], "undefined" if c["latency"] is None else ms(c["latency"]) + "ms", "<=" if good else ">", target),
                "jitter p99 %sms %s target %dms" % (ms(c["delays"][3] - c["delays"][0]), "<=" if steady else ">", jt)])
    else: j.f.append("averages of no answered probe")

def counts(j, p, c, b):
    n = whole(at(p, "measured_outcomes/samples_count"))
    if c["pooled"] and not c["count"] <= c["sent"] <= c["count"] * 100000: j.f.append("probes of samples")
    if n is MISSING: return
    if not c["pooled"]:
        if n > c["count"]: j.f.append("samples_count")
        elif 1 <= n < c["count"]: j.m.append("samples_count")
    elif not max(1, c["count"] - c["lost"]) <= n <= min(c["count"], c["sent"] - c["lost"]): j.f.append("samples_count")

def averages(j, p, c):
    lowest, p50, p95, p99, highest = c["delays"]
    n = whole(at(p, "measured_outcomes/samples_count"))
    if n is MISSING: return
    x = {name: number(at(p, "measured_outcomes/avg_%s_ms" % name)) for name in ("p50", "p95", "jitter")}
    for name, low, high, one in (("p50", lowest, highest, p50), ("p95", lowest, highest, p95), ("jitter", 0, highest - lowest, p99 - lowest)):
        if x[name] is MISSING: continue
        if n == 1: j.differ("average of one", x[name], min(round(one / 1e6, 2), 5000.0))
        elif not min(low / 1e6, 5000) - .01 <= x[name] <= min(high / 1e6, 5000) + .01: j.f.append("average beyond the delays")
    if MISSING not in x.values() and x["jitter"] < x["p95"] - x["p50"] - .03: j.f.append("jitter below p95 - p50")

# ---- mutants

def members(v, path=()):
    yield path, v
    if isinstance(v, dict):
        for k in v: yield from members(v[k], path + (k,))
    elif isinstance(v, list):
        for i, x in enumerate(v[:4]): yield from members(x, path + (i,))

def put(root, path, value):
    for k in path[:-1]: root = root[k]
    if value is not MISSING: root[path[-1]] = value
    else: del root[path[-1]]

NUMBERS = [0, 0.0, -0.0, -1, -5.0, 1, 2, 3.0, 0.5, 50, 51, 100, 100.0, 100.01, 150.0, 250, 4999.99, 5000, 5000.01, 60000, 60001, 5e-324, 1e300, -1e300, 2**53, 2**63, 10**30]
def another(rng, v):
    """A value in place of v: of its type most often."""
    if rng.random() < .15: return MISSING
    if rng.random() < .25: return rng.choice([None, True, False, "", "9999", "NaN", [], {}, ["x"], {"x": 1}, 7, 7.5])
    if type(v) in (int, float):
        if rng.random() < .5: return rng.choice(NUMBERS)
        return v + rng.choice([-1, 1, 2, -v, v]) if type(v) is int else rng.choice([v + .01, v - .01, v * 2, -v, v / 2, float(round(v))])
    if isinstance(v, str): return rng.choice([v + "x", v[:-1], v.upper(), "pass", "fail", "QOS_BALANCED", "standard", "turbo", "AVAILABLE", "v1", "v2", "2026-11-24T06:00:00Z", "yesterday", "1e9", "0x1p3"])
    if isinstance(v, list): return rng.choice([[], v[:-1], v + v[-1:], list(reversed(v))])
    if isinstance(v, dict) and rng.random() < .5: return dict(v, more=1)
    return rng.choice([{}, MISSING])

# What only the rules of the session's life bind is the business of other tests.
LIFE = re.compile("proof/(session|created_at|provider_observed/qos_status_at_finalize|telemetry/(first_at|last_at|profile)|requested/intent/(duration_s|qosProfile))|(proof|proof/telemetry)$")

def signer(rng, seed):
    b = copy.deepcopy(seed)
    places, loose, hashed = [], False, True
    for _ in range(rng.choice([1, 1, 1, 2, 2, 3])):
        candidates = [(p, v) for part in ("proof", "runtime_artifact") for p, v in members(b[part], (part,)) if len(p) > 1 or rng.random() < .02 and part == "runtime_artifact"]
        path, v = rng.choice(candidates)
        value = another(rng, v)
        name = "/".join(map(str, path))
        put(b, path, value)
        places.append((name, "left out" if value is MISSING else value))
        loose = loose or LIFE.match(name) is not None
        hashed = hashed and not name.startswith("proof/artifacts/runtime_artifact_sha256")
        if "runtime_artifact" not in b or b["runtime_artifact"] is None: break
    p = b["proof"]
    arts = p.get("artifacts", MISSING)
    if not (isinstance(p.get("session_id"), str) and isinstance(arts, dict) and isinstance(p.get("created_at"), str) and isinstance(arts.get("runtime_artifact_relpath"), str)
            and isinstance(arts.get("runtime_artifact_sha256"), str) and isinstance(b.get("runtime_artifact", None), (dict, type(None)))):
        return b, places, {"malformed", "failed", "inconclusive"}
    seal(b, hashed)
    j = judge(b)
    if any(name.startswith("proof/session") for name, _ in places): j.f = [x for x in j.f if x != "a profile that nobody asked for"]
    if "runtime_artifact" in b and b["runtime_artifact"] is None: return b, places, {"failed"}
    if not hashed and arts["runtime_artifact_sha256"] != sha(canon(b.get("runtime_artifact"))): return b, places, {"failed"}
    if loose:  # whether it contradicts the session is not judged here
        return b, places, {"failed"} if j.f else {"failed", "inconclusive"} if j.m else {"failed", "inconclusive", "verified"}
    return b, places, {"failed"} if j.f else {"inconclusive"} if j.m else {"verified"}

def holder(rng, seed):
    """One change of a signed bundle on its way."""
    b = copy.deepcopy(seed)
    candidates = [(p, v) for p, v in members({k: v for k, v in b.items() if k != "telemetry"}) if p and p not in (("ledger",), ("proof",))]
    path, v = rng.choice(candidates)
    value = another(rng, v)
    name = "/".join(map(str, path))
    put(b, path, value)
    done = [(name, "left out" if value is MISSING else value)]
    if value is not MISSING and canon(value) == canon(v): return b, done, {"verified"}
    top = path[0]
    if name == "jwks_url": return b, done, {"verified"} if value is None or value is MISSING or isinstance(value, str) else {"malformed"}
    if name == "ledger/created_at": return b, done, {"verified"} if value is None or value is MISSING or is_num(value) else {"malformed"}
    if name == "runtime_artifact": return b, done, {"inconclusive"} if value is MISSING else {"failed"} if value is None or isinstance(value, dict) else {"malformed"}
    if name in ("ledger/kid", "ledger/signature"):
        if value is None or value is MISSING: return b, done, {"inconclusive"}
        if value == "": return b, done, {"failed", "inconclusive"}
        return b, done, {"malformed"} if not isinstance(value, str) else {"inconclusive"} if name == "ledger/kid" else {"failed"}
    # All else is hashed, or repeats what is: a type that can't be read is malformed.
    return b, done, {"failed"} if top in ("proof", "runtime_artifact") and len(path) > 2 and path[1] != "artifacts" or top == "runtime_artifact" else {"failed", "malformed"}

def audited(binary, d, folder, out):
    """The records of an audit are judged as each alone. Returns how many are not."""
    ledger = d / "ledger.jsonl"
    names = sorted(os.listdir(folder))
    ledger.write_text("".join((folder / n).read_text() + "\n" for n in names))
    report = json.loads(subprocess.run([binary, "audit", "--offline", "-o", "json", "--jwks", str(d / "keys/jwks.json"), str(ledger)], capture_output=True, text=True).stdout)
    alone = [json.loads(line).get("verdict") for line in out.splitlines() if json.loads(line)["type"] == "result"]
    differ = {v: (alone.count(v), report["summary"][v]) for v in ("verified", "failed", "inconclusive", "malformed") if alone.count(v) != report["summary"][v]}
    if differ: print("alone and in an audit:", differ)
    return sum(abs(a - b) for a, b in differ.values())

def main():
    binary, total, start = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20000, int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rng = random.Random(start)
    names = ["qod-mock-v0.4/good/%02d.bundle.json" % i for i in (0, 1, 4, 6)] + ["telemetry/honest/%s.json" % n for n in ("good", "not-disclosed", "lossy", "plain-samples", "one-sample", "camara", "mostly-down", "hidden-peak-loose")]
    seeds = []
    for name in names:
        b = json.loads((ROOT / name).read_text())
        b.pop("telemetry", None)  # a signer's samples would decide more than the proof
        seeds.append(seal(b))
    wrong, counts = 0, {}
    with tempfile.TemporaryDirectory() as d:
        d = pathlib.Path(d)
        public = KEY.public
        (d / "keys").mkdir()
        (d / "keys/jwks.json").write_text(json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "oracle", "x": b64(public)}]}))
        for first in range(0, total, 1000):
            folder, cases = d / str(first), {}
            folder.mkdir()
            for i in range(first, min(total, first + 1000)):
                kind = "holder" if i % 4 == 3 else "signer"
                b, places, right = (holder if kind == "holder" else signer)(rng, rng.choice(seeds))
                (folder / ("%d.json" % i)).write_text(json.dumps(b, ensure_ascii=False))
                cases["%d.json" % i] = kind, places, right
            out = subprocess.run([binary, "--offline", "-o", "jsonl", "--jwks", str(d / "keys/jwks.json"), str(folder)], capture_output=True, text=True).stdout
            for line in out.splitlines():
                result = json.loads(line)
                if result["type"] != "result": continue
                name = os.path.basename(result["result"]["input"])
                kind, places, right = cases.pop(name)
                counts[kind, result["verdict"]] = counts.get((kind, result["verdict"]), 0) + 1
                if result["verdict"] not in right:
                    wrong += 1
                    if wrong <= 20: print("%s %s: %s, right is %s" % (kind, places, result["verdict"], " or ".join(sorted(right))), [(c["id"], c["code"], c.get("pointer")) for c in result["result"]["checks"] if c["status"] in ("fail", "not_run")][:4])
            if cases:
                wrong += len(cases)
                print("no result for", len(cases), "of", folder)
            wrong += audited(binary, d, folder, out)
    print("%d mutants, %d judged wrongly; %s" % (total, wrong, ", ".join("%s %s: %d" % (*k, n) for k, n in sorted(counts.items()))))
    sys.exit(wrong > 0)

main()
