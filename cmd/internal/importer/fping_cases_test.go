package importer

var fpingCases = []toolCase{
	{name: "-C with 2>&1", format: "fping", output: `192.0.2.10 : [0], 64 bytes, 6.46 ms (6.46 avg, 0% loss)
192.0.2.10 : [1], timed out (6.46 avg, 50% loss)
192.0.2.10 : [2], 64 bytes, 12.9 ms (9.68 avg, 33% loss)

192.0.2.10 : 6.46 - 12.92
`, delays: "6.46 - 12.92", asked: "192.0.2.10"},
	{name: "-C -s", format: "fping", output: `192.0.2.10 : [0], 84 bytes, 1030 ms (1030 avg, 0% loss)

192.0.2.10 : 1.03e+03

       1 targets
       1 alive
       0 unreachable
       0 unknown addresses

       0 timeouts (waiting for response)
       1 ICMP Echos sent
       1 ICMP Echo Replies received
       0 other ICMP received

 6.46 ms (min round trip time)
 9.68 ms (avg round trip time)
 12.9 ms (max round trip time)
        2.015 sec (elapsed real time)

`, delays: "1030"},
	{name: "-C, another run's list", format: "fping", output: "a : [0], 64 bytes, 6.46 ms (6.46 avg, 0% loss)\na : 7.1\n", refused: "the list has 7.1 ms for probe 0, and its line 6.46 ms: they are not of one run"},
	{name: "-C, a line without its answer", format: "fping", output: "a : [0], timed out (NaN avg, 100% loss)\na : 7.1\n", refused: "not of one run"},
	{name: "-C, a list without an answer", format: "fping", output: "a : [0], 64 bytes, 6.46 ms (6.46 avg, 0% loss)\na : -\n", refused: "not of one run"},
	{name: "-C, stdout alone", format: "fping", output: "a : [0], 64 bytes, 0.091 ms (0.091 avg, 0% loss)\na : [1], timed out (0.091 avg, 50% loss)\n", refused: "the summary is not there: it went to stderr (add 2>&1"},
	{name: "-C, stderr alone", format: "fping", output: "\na : 0.091 -\n", delays: "0.091 -"},
	{name: "-c, stderr alone", format: "fping", output: "\na : xmt/rcv/%loss = 3/3/0%, min/avg/max = 0.037/0.040/0.043\n", refused: "no single round trips: these went to stdout"},
	{name: "two targets", format: "fping", output: "a : 1.5 2.5\nlonger : 9 -\n", refused: "there are 2 targets (a, longer): choose one with --target"},
	{name: "one of two", format: "fping", output: "a      : 1.5 2.5\nlonger : 9 -\n", target: "longer", delays: "9 -"},
	{name: "-n -A", format: "fping", output: `edge.example (192.0.2.10) : [0], 64 bytes, 5.12 ms (5.12 avg, 0% loss)
edge.example (192.0.2.10) : [1], timed out (5.12 avg, 50% loss)

edge.example (192.0.2.10) : xmt/rcv/%loss = 2/1/50%, min/avg/max = 5.12/5.12/5.12
`, delays: "5.12 -", asked: "edge.example (192.0.2.10)"},
	{name: "-n -A, by the name alone", format: "fping", output: "a.example (192.0.2.10) : 5.12 - 5.15\nb.example (192.0.2.11) : 6\n", target: "a.example", delays: "5.12 - 5.15"},
	{name: "-n -A, by the address alone", format: "fping", output: "a.example (192.0.2.10) : 5.12 - 5.15\nb.example (2001:db8::1) : 6\n", target: "2001:db8::1", delays: "6"},
	{name: "IPv6", format: "fping", output: "2001:db8::1 : 5.12 -\n", delays: "5.12 -", asked: "2001:db8::1"},
	{name: "unix stamps", format: "fping", output: "[1700000000.50000] a : [0], 64 bytes, 5.12 ms (5.12 avg, 0% loss)\n[1700000001.50000] a : [1], 64 bytes, 5.13 ms (5.12 avg, 0% loss)\na : xmt/rcv/%loss = 2/2/0%, min/avg/max = 5.12/5.12/5.13\n",
		delays: "5.12 5.13", from: "2023-11-14T22:13:20.5Z", to: "2023-11-14T22:13:21.5Z"},
	{name: "iso stamps", format: "fping", output: "[2025-06-01T10:00:00+0200] a : [0], 64 bytes, 5.12 ms (5.12 avg, 0% loss)\n[2025-06-01T10:00:01+0200] a : [1], timed out (5.12 avg, 50% loss)\n[2025-06-01T10:00:02+0200] a : [2], 64 bytes, 5.14 ms (5.13 avg, 33% loss)\n\na : xmt/rcv/%loss = 3/2/33%, min/avg/max = 5.12/5.13/5.14\n",
		delays: "5.12 - 5.14", from: "2025-06-01T08:00:00Z", to: "2025-06-01T08:00:02Z"},
	{name: "ctime stamps, which have no zone", format: "fping", output: "[Sun Jun  1 10:00:00 2025] a : [0], 64 bytes, 5.12 ms (5.12 avg, 0% loss)\na : xmt/rcv/%loss = 1/1/0%, min/avg/max = 5.12/5.12/5.12\n", delays: "5.12"},
	{name: "rfc3339 stamps, which have no zone", format: "fping", output: "[2025-06-01 10:00:00] a : [0], 64 bytes, 5.12 ms (5.12 avg, 0% loss)\na : xmt/rcv/%loss = 1/1/0%, min/avg/max = 5.12/5.12/5.12\n", delays: "5.12"},
	{name: "relative stamps", format: "fping", output: "[0.00512] a : [0], 64 bytes, 5.12 ms (5.12 avg, 0% loss)\na : xmt/rcv/%loss = 1/1/0%, min/avg/max = 5.12/5.12/5.12\n", delays: "5.12"},
	{name: "%return", format: "fping", output: "a : [0], 64 bytes, 5.12 ms (5.12 avg, 0% loss)\na : [1], 64 bytes, 5.14 ms (5.13 avg, 0% loss)\na : xmt/rcv/%return = 2/3/150%, min/avg/max = 5.12/5.13/5.14\n", delays: "5.12 5.14", duplicates: 1},
	{name: "duplicate and unreachable", format: "fping", output: "ICMP Host Unreachable from 192.0.2.1 for ICMP Echo sent to 192.0.2.10\n192.0.2.10 : [0], 64 bytes, 5.12 ms (5.12 avg, 0% loss)\n192.0.2.10 : duplicate for [0], 64 bytes, 6.20 ms\n192.0.2.10 : [1], timed out (5.12 avg, 50% loss)\n\n192.0.2.10 : xmt/rcv/%loss = 2/1/50%, min/avg/max = 5.12/5.13/5.14\n", delays: "5.12 -", duplicates: 1},
	{name: "TOS and TTL", format: "fping", output: "a : [0], 64 bytes, 5.12 ms (5.12 avg, 0% loss) (TOS 0) (TTL 57)\na : xmt/rcv/%loss = 1/1/0%, min/avg/max = 5.12/5.12/5.12\n", delays: "5.12"},
	{name: "ICMP timestamps", format: "fping", output: "a : [0], 20 bytes, 0.072 ms (0.072 avg, 0% loss), timestamps: Originate=67951889 Receive=67951889 Transmit=67951889 Localreceive=67951890\na : xmt/rcv/%loss = 1/1/0%, min/avg/max = 0.072/0.072/0.072\n", delays: "0.072"},
	// Of the third probe there is no line: neither an answer nor a time-out.
	{name: "-l, stopped by hand", format: "fping", output: "a : [0], 64 bytes, 5.12 ms (5.12 avg, 0% loss)\na : [1], timed out (5.12 avg, 50% loss)\n^C\na : xmt/rcv/%loss = 3/1/66%, min/avg/max = 5.12/5.12/5.12\n", delays: "5.12 -", inFlight: 1},
	{name: "time-outs that are not printed", format: "fping", output: "a : [0], 64 bytes, 5.12 ms (5.12 avg, 0% loss)\na : [2], 64 bytes, 5.12 ms (5.12 avg, 0% loss)\na : xmt/rcv/%loss = 4/2/50%, min/avg/max = 5.12/5.12/5.12\n", delays: "5.12 - 5.12 -"},
	{name: "-J -C", format: "fping", output: `{"resp": {"timestamp": "1700000000.50000", "host": "192.0.2.10", "seq": 0, "size": 64, "rtt": 5.12}}
{"timeout": {"host": "192.0.2.10", "seq": 1}}
{"resp": {"host": "192.0.2.10", "seq": 2, "size": 64, "rtt": 5.14}}
{"vSum": {"host": "192.0.2.10", "values": [5.12, null, 5.14]}}
`, delays: "5.12 - 5.14", from: "2023-11-14T22:13:20.5Z", to: "2023-11-14T22:13:20.5Z"},
	{name: "-J -c", format: "fping", output: `{"resp": {"host": "a", "seq": 0, "size": 64, "rtt": 5.12}}
{"timeout": {"host": "a", "seq": 1}}
{"summary": {"host": "a", "xmt": 2, "rcv": 1, "loss": 50, "rttMin": 5.12, "rttAvg": 5.12, "rttMax": 5.12}}
`, delays: "5.12 -"},
	{name: "-J -C -q", format: "fping", output: `{"vSum": {"host": "a", "values": [5.12, null]}}` + "\n", delays: "5.12 -"},
	{name: "-J, an unknown line", format: "fping", output: `{"vSum": {"host": "a", "values": [5.12]}}` + "\n" + `{"news": {"host": "a"}}` + "\n", delays: "5.12", notes: []string{"1 line was not understood: line 2"}},
	{name: "-J, errors between", format: "fping", output: "nowhere.example: Name or service not known\n" + `{"vSum": {"host": "a", "values": [5.12]}}` + "\n", delays: "5.12", notes: []string{"1 line was not understood: line 1"}},
	{name: "-J, cut off", format: "fping", output: `{"resp": {"host": "a", "seq": 0, "size": 64, "rtt": 5.12}}` + "\n" + `{"resp": {"ho`, refused: "line 2: column "},
	{name: "two runs", format: "fping", output: "a : xmt/rcv/%loss = 1/0/100%\na : xmt/rcv/%loss = 1/0/100%\n", refused: "more than one run"},
	{name: "two runs with lines", format: "fping", output: "a : [0], 64 bytes, 5.12 ms (5.12 avg, 0% loss)\na : xmt/rcv/%loss = 1/1/0%, min/avg/max = 5.12/5.12/5.12\na : [0], 64 bytes, 5.13 ms (5.13 avg, 0% loss)\na : xmt/rcv/%loss = 1/1/0%, min/avg/max = 5.13/5.13/5.13\n", refused: "more than one run"},
	{name: "two lists", format: "fping", output: "a : 1\na : 2\n", refused: "more than one run"},
	{name: "an answer taken out", format: "fping", output: "a : [0], 64 bytes, 5.12 ms (5.12 avg, 0% loss)\nsomething\na : xmt/rcv/%loss = 2/2/0%, min/avg/max = 5.12/5.12/5.12\n", refused: `fping says that 2 answers came, and 1 can be read: the output was changed; 1 line was not understood: line 2, "something"`},
	{name: "who is alive", format: "fping", output: "192.0.2.10 is alive\n192.0.2.11 is unreachable\n", refused: "run it with -C N or -c N"},
	{name: "an unknown line", format: "fping", output: "nowhere.example: Name or service not known\na : 1.5\n", delays: "1.5", notes: []string{"1 line was not understood: line 1"}},
	{name: "beyond all bounds", format: "fping", output: "a : [0], 64 bytes, 5 ms (5 avg, 0% loss)\na : xmt/rcv/%loss = 9000000000000000000/1/99%\n", refused: "9000000000000000000 probes, and one sample takes 80000"},
}
