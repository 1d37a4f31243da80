package importer

// iperf3's result of one direction, of two streams: 1.5 and 0.5 Mbit/s sent, 1 and
// 0.4 received.
const (
	tcpStart   = `{"start":{"version":"iperf 3.12","timestamp":{"timesecs":1700000000},"connecting_to":{"host":"192.0.2.20"},"test_start":{"protocol":"TCP","num_streams":2,"reverse":0}},"end":`
	tcpReverse = `{"start":{"version":"iperf 3.12","connecting_to":{"host":"192.0.2.20"},"test_start":{"protocol":"TCP","num_streams":1,"reverse":1}},"end":`
	udpStart   = `{"start":{"version":"iperf 3.12","connecting_to":{"host":"192.0.2.20"},"test_start":{"protocol":"UDP","num_streams":1,"reverse":0}},"end":`
	tcpSums    = `"sum_sent":{"seconds":2,"bits_per_second":2000000,"retransmits":3},"sum_received":{"seconds":2.1,"bits_per_second":1400000}}}`
)

var jsonCases = []toolCase{
	{name: "TCP, two streams", format: "iperf3", output: tcpStart + `{"streams":[
		{"sender":{"sender":true,"min_rtt":1000,"mean_rtt":1500,"max_rtt":2000}},
		{"sender":{"sender":true,"min_rtt":90000,"mean_rtt":120000,"max_rtt":250000}}],` + tcpSums,
		asked: "192.0.2.20", from: "2023-11-14T22:13:20Z", to: "2023-11-14T22:13:22Z",
		figures: map[string]float64{"throughput_mbps_received": 1.4, "throughput_mbps_sent": 2, "retransmits": 3, "min_rtt_us": 1000, "mean_rtt_us": 60750, "max_rtt_us": 250000},
		about: map[string]string{
			"throughput_mbps_received": "what the server received, client to server (upload), 2 streams together",
			"throughput_mbps_sent":     "what the client sent, client to server (upload), 2 streams together",
			"max_rtt_us":               "the client's kernel, client to server (upload), the greatest of 2 streams",
		},
		notMeasured: []string{"jitter and packet loss"}},
	{name: "TCP -R, whose client knows no round trip", format: "iperf3", output: tcpReverse + `{"streams":[{"sender":{"sender":false,"min_rtt":0,"mean_rtt":0,"max_rtt":0}}],` + tcpSums,
		figures:     map[string]float64{"throughput_mbps_received": 1.4, "throughput_mbps_sent": 2, "retransmits": 3},
		about:       map[string]string{"throughput_mbps_received": "what the client received, server to client (download), 1 stream"},
		notMeasured: []string{"round trips (min_rtt, mean_rtt, max_rtt), server to client", "jitter and packet loss"}},
	// The third stream is the server's, and its round trips the client's own kernel's.
	{name: "TCP --bidir", format: "iperf3", output: tcpStart + `{"streams":[
		{"sender":{"sender":true,"min_rtt":73,"mean_rtt":74,"max_rtt":75}},
		{"sender":{"sender":false,"min_rtt":7,"mean_rtt":7,"max_rtt":7}}],
		"sum_sent_bidir_reverse":{"bits_per_second":9e6,"retransmits":12},"sum_received_bidir_reverse":{"bits_per_second":8e6},` + tcpSums,
		from: "2023-11-14T22:13:20Z", to: "2023-11-14T22:13:22Z",
		figures: map[string]float64{
			"upload_throughput_mbps_received": 1.4, "upload_throughput_mbps_sent": 2, "upload_retransmits": 3, "upload_min_rtt_us": 73, "upload_mean_rtt_us": 74, "upload_max_rtt_us": 75,
			"download_throughput_mbps_received": 8, "download_throughput_mbps_sent": 9, "download_retransmits": 12,
		},
		about: map[string]string{
			"upload_throughput_mbps_received": "what the server received, client to server", "download_throughput_mbps_received": "what the client received, server to client",
			"download_retransmits": "by the server",
		},
		notMeasured: []string{"round trips (min_rtt, mean_rtt, max_rtt), server to client", "jitter and packet loss"}},
	{name: "TCP, the server's own result", format: "iperf3", output: `{"start":{"version":"iperf 3.12","accepted_connection":{"host":"192.0.2.1"},"test_start":{"protocol":"TCP","num_streams":1,"reverse":0}},"end":{
		"streams":[{"sender":{"sender":false,"bits_per_second":0}}],"sum_sent":{"seconds":2,"bytes":0,"bits_per_second":0},"sum_received":{"seconds":2,"bits_per_second":3e6}}}`,
		figures:     map[string]float64{"throughput_mbps_received": 3},
		notMeasured: []string{"round trips (min_rtt, mean_rtt, max_rtt), client to server", "jitter and packet loss"}},
	{name: "UDP, a third lost", format: "iperf3", output: udpStart + `{"streams":[{"udp":{"sender":true}}],
		"sum":{"bits_per_second":3e6,"jitter_ms":0.5,"lost_packets":333,"packets":999,"lost_percent":33.333333},
		"sum_sent":{"bits_per_second":3e6,"jitter_ms":0,"lost_packets":0,"packets":999,"lost_percent":0},
		"sum_received":{"bits_per_second":2e6,"jitter_ms":0.5,"lost_packets":333,"packets":999,"lost_percent":33.333333}}}`,
		figures: map[string]float64{"throughput_mbps_received": 2, "throughput_mbps_sent": 3, "jitter_ms": 0.5, "lost_packets": 333, "packets": 999, "loss_pct": 33.333333},
		about:   map[string]string{"loss_pct": "counted by the server, client to server"}},
	{name: "UDP, everything lost is 0 received", format: "iperf3", output: udpStart + `{"sum":{"bits_per_second":3e6,"jitter_ms":0,"lost_packets":9,"packets":9,"lost_percent":100},
		"sum_sent":{"bits_per_second":3e6,"packets":9},"sum_received":{"bits_per_second":0,"jitter_ms":0,"lost_packets":9,"packets":9,"lost_percent":100}}}`,
		figures: map[string]float64{"throughput_mbps_received": 0, "throughput_mbps_sent": 3, "jitter_ms": 0, "lost_packets": 9, "packets": 9, "loss_pct": 100}},
	{name: "UDP before 3.10, where only what was sent is told", format: "iperf3", output: udpStart + `{"sum":{"bits_per_second":3e6,"jitter_ms":0.5,"lost_packets":1,"packets":10,"lost_percent":10}}}`,
		figures:     map[string]float64{"throughput_mbps_sent": 3, "jitter_ms": 0.5, "lost_packets": 1, "packets": 10, "loss_pct": 10},
		about:       map[string]string{"throughput_mbps_sent": "what the client sent"},
		notMeasured: []string{"what was delivered, client to server"}},
	{name: "UDP -R, the server's own result", format: "iperf3", output: `{"start":{"version":"iperf 3.12","accepted_connection":{"host":"192.0.2.1"},"test_start":{"protocol":"UDP","num_streams":1,"reverse":1}},"end":{
		"sum":{"bits_per_second":1e6,"jitter_ms":0,"lost_packets":0,"packets":40,"lost_percent":0},"sum_sent":{"bits_per_second":1e6,"packets":40},"sum_received":{"bits_per_second":0,"packets":0}}}`,
		figures:     map[string]float64{"throughput_mbps_sent": 1},
		notMeasured: []string{"what was delivered, server to client", "jitter and loss, server to client"}},
	{name: "--json-stream", format: "iperf3", output: `{"event":"start","data":{"version":"iperf 3.17","test_start":{"protocol":"TCP","num_streams":1,"reverse":1}}}
{"event":"interval","data":{"sum":{"bits_per_second":7}}}
{"event":"end","data":{"sum_sent":{"bits_per_second":2e6},"sum_received":{"bits_per_second":1e6}}}
`, figures: map[string]float64{"throughput_mbps_received": 1, "throughput_mbps_sent": 2}, notMeasured: []string{"round trips (min_rtt, mean_rtt, max_rtt), server to client", "jitter and packet loss"}},
	{name: "--json-stream-full-output", format: "iperf3", output: `{"event":"start","data":{"version":"iperf 3.19","test_start":{"protocol":"UDP","num_streams":1,"reverse":0}}}
{"event":"end","data":{"sum_sent":{"bits_per_second":2e6},"sum_received":{"bits_per_second":1e6}}}
{
	"start":	{"version": "iperf 3.19"},
	"end":	{"sum_sent": {"bits_per_second": 2e6}, "sum_received": {"bits_per_second": 1e6}}
}
`, figures: map[string]float64{"throughput_mbps_received": 1, "throughput_mbps_sent": 2}},
	{name: "--json-stream, cut off", format: "iperf3", output: `{"event":"start","data":{"version":"iperf 3.17"}}
{"event":"interval","data":{"sum":{"bits_per_second":7}}}
`, refused: "the run was cut off"},
	{name: "--json-stream, failed", format: "iperf3", output: `{"event":"start","data":{"version":"iperf 3.17"}}
{"event":"error","data":"the server is busy"}
`, refused: "iperf3 failed: the server is busy"},
	{name: "two runs in one file", format: "iperf3", output: "{\n\"start\":{}, \"end\":{}\n}\n{\n\"start\":{}, \"end\":{}\n}\n", refused: "more than one JSON value, the second at line 4"},
	{name: "text", format: "iperf3", output: "[ ID] Interval           Transfer     Bitrate         Retr  Cwnd\n", refused: "iperf3's text: run it with --json"},
	// iperf3 3.12 writes what it knows of each stream's socket into one object.
	{name: "a start with repeats", format: "iperf3", output: `{
	"start":	{
		"version":	"iperf 3.12",
		"target_bitrate":	0,
		"sock_bufsize":	0,
		"sndbuf_actual":	16384,
		"rcvbuf_actual":	131072,
		"target_bitrate":	0,
		"sndbuf_actual":	16384,
		"rcvbuf_actual":	131072,
		"test_start":	{
			"protocol":	"TCP",
			"num_streams":	2,
			"target_bitrate":	0
		}
	},
	"end":	{
		"sum_sent":	{"bits_per_second":	2000000},
		"sum_received":	{"bits_per_second":	1000000}
	}
}
`, figures: map[string]float64{"throughput_mbps_received": 1, "throughput_mbps_sent": 2}, notMeasured: []string{"round trips (min_rtt, mean_rtt, max_rtt), client to server", "jitter and packet loss"}},
	{name: "older --bidir", format: "iperf3", output: `{"start":{},"end":{"sum_sent":{},"sum_received":{},"sum_sent":{}}}`, refused: "both directions of --bidir under one name"},
	{name: "no number", format: "iperf3", output: udpStart + `{"sum":{"lost_percent": -nan}}}`, refused: "column"},
	{name: "sums without a figure", format: "iperf3", output: tcpStart + `{"sum_sent":{},"sum_received":{}}}`, refused: "no figure"},

	{name: "a server's download", format: "ndt7", output: `{"ServerIP":"::1","Download":{"StartTime":"2019-07-16T15:26:05.98-04:00","EndTime":"2019-07-16T15:26:16-04:00",
		"ServerMeasurements":[{"TCPInfo":{"MinRTT":1400,"BytesAcked":1,"ElapsedTime":1}},{"TCPInfo":{"MinRTT":1300,"RTT":1500,"BytesAcked":1250000,"ElapsedTime":1000000}}]}}`,
		asked: "::1", from: "2019-07-16T19:26:05.98Z", to: "2019-07-16T19:26:16Z",
		figures: map[string]float64{"download_throughput_mbps": 10, "download_min_rtt_us": 1300},
		about:   map[string]string{"download_throughput_mbps": "what the client acknowledged, server to client"}, notMeasured: []string{"packet loss"}},
	{name: "a server's upload", format: "ndt7", output: `{"Upload":{"ServerMeasurements":[{"TCPInfo":{"BytesReceived":2500000,"BytesAcked":7,"ElapsedTime":1000000}}]}}`,
		figures: map[string]float64{"upload_throughput_mbps": 20}, about: map[string]string{"upload_throughput_mbps": "what the server received"}, notMeasured: []string{"packet loss"}},
	{name: "the client's summary", format: "ndt7", output: `{"ServerFQDN":"ndt.example","ServerIP":"192.0.2.20","Download":{"UUID":"u1","Throughput":{"Value":905.9,"Unit":"Mbit/s"},"Latency":{"Value":4.096,"Unit":"ms"},"Retransmission":{"Value":0.31,"Unit":"%"}},
		"Upload":{"UUID":"u2","Throughput":{"Value":1.5,"Unit":"Gbit/s"},"Latency":{"Value":4.5,"Unit":"ms"},"Retransmission":{"Value":0,"Unit":""}}}`,
		asked: "192.0.2.20", figures: map[string]float64{"download_throughput_mbps": 905.9, "download_min_rtt_us": 4096, "download_retransmission_pct": 0.31, "upload_throughput_mbps": 1500, "upload_min_rtt_us": 4500},
		about: map[string]string{"download_throughput_mbps": "server to client", "upload_throughput_mbps": "client to server"}, notMeasured: []string{"packet loss"}},
	{name: "the client's older summary", format: "ndt7", output: `{"ServerFQDN":"ndt.example","Download":{"Value":905.9,"Unit":"Mbit/s"},"Upload":{"Value":139.3,"Unit":"Mbit/s"},"DownloadRetrans":{"Value":0.31,"Unit":"%"},"MinRTT":{"Value":4.096,"Unit":"ms"}}`,
		figures: map[string]float64{"download_throughput_mbps": 905.9, "upload_throughput_mbps": 139.3, "download_retransmission_pct": 0.31, "download_min_rtt_us": 4096}, notMeasured: []string{"packet loss"}},
	{name: "the client's oldest summary", format: "ndt7", output: `{"Download":{"Value":905.9,"Unit":"Mbit/s"},"Upload":{"Value":0,"Unit":""},"RTT":{"Value":4.5,"Unit":"ms"}}`,
		figures: map[string]float64{"download_throughput_mbps": 905.9, "download_rtt_us": 4500}, notMeasured: []string{"packet loss"}},
	{name: "the client's events", format: "ndt7", output: `{"Key":"starting","Value":{"Test":"download"}}
{"Key":"connected","Value":{"Server":"ndt.example","Test":"download"}}
{"Key":"measurement","Value":{"AppInfo":{"ElapsedTime":1000000,"NumBytes":1250000},"Origin":"client","Test":"download"}}
{"Key":"measurement","Value":{"TCPInfo":{"MinRTT":20000,"BytesAcked":1500000,"ElapsedTime":1000000},"Origin":"server","Test":"download"}}
{"Key":"complete","Value":{"Test":"download"}}
{"Key":"measurement","Value":{"AppInfo":{"ElapsedTime":1000000,"NumBytes":9},"Origin":"client","Test":"upload"}}
{"Key":"measurement","Value":{"TCPInfo":{"BytesReceived":250000,"ElapsedTime":1000000},"Origin":"server","Test":"upload"}}
`, asked: "ndt.example", figures: map[string]float64{"download_throughput_mbps": 10, "download_min_rtt_us": 20000, "upload_throughput_mbps": 2},
		about: map[string]string{"download_throughput_mbps": "what the client received", "upload_throughput_mbps": "what the server received"},
		notes: []string{"the upload did not come to its end"}, notMeasured: []string{"packet loss"}},
	{name: "the client's events and summary", format: "ndt7", output: `{"Key":"measurement","Value":{"TCPInfo":{"MinRTT":20000,"BytesAcked":1500000,"ElapsedTime":1000000},"Test":"download"}}
{"ServerIP":"192.0.2.20","Download":{"Throughput":{"Value":9,"Unit":"Mbit/s"}},"Upload":null}
`, figures: map[string]float64{"download_throughput_mbps": 9}, notMeasured: []string{"packet loss"}},
	{name: "the client failed", format: "ndt7", output: `{"Key":"starting","Value":{"Test":"download"}}` + "\n" + `{"Key":"error","Value":{"Failure":"no route","Test":"download"}}` + "\n", refused: "ndt7 failed: no route"},
	{name: "events without figures", format: "ndt7", output: `{"Key":"starting","Value":{"Test":"download"}}` + "\n" + `{"Key":"complete","Value":{"Test":"download"}}` + "\n", refused: "cut off"},
	{name: "directions without figures", format: "ndt7", output: `{"Download":{"ServerMeasurements":[]},"Upload":{"UUID":"x"}}`, refused: "neither the Download nor the Upload has a figure"},
	{name: "an unknown unit", format: "ndt7", output: `{"Download":{"Throughput":{"Value":9,"Unit":"furlongs"}}}`, refused: `the unit "furlongs"`},
	{name: "another's result", format: "ndt7", output: `{"type":"result","download":{"bandwidth":1}}`, refused: "not a result of ndt7"},

	{name: "an array", format: "atlas", output: `[{"fw":5080,"type":"ping","dst_addr":"192.0.2.10","dst_name":"edge.example","prb_id":7,"sent":3,"rcvd":2,"dup":1,"avg":10.3,
		"result":[{"rtt":10.2},{"rtt":10.9,"dup":1},{"x":"*"},{"rtt":2.1720000000000002}],"timestamp":1700000240},
		{"fw":5080,"type":"ping","dst_addr":"192.0.2.10","dst_name":"edge.example","prb_id":7,"sent":3,"rcvd":0,"dup":0,"min":-1,"avg":-1,"max":-1,
		"result":[{"x":"*"},{"x":"*"},{"x":"*"}],"timestamp":1700000000}]`,
		delays: "- - - 10.2 - 2.172", duplicates: 1, asked: "probe 7 to 192.0.2.10", from: "2023-11-14T22:13:20Z", to: "2023-11-14T22:17:22Z", notes: []string{"the end is reckoned"}},
	{name: "one result", format: "atlas", output: `{"type":"ping","dst_addr":"192.0.2.10","sent":1,"rcvd":1,"result":[{"rtt":10}],"timestamp":1700000000}`,
		delays: "10", asked: "192.0.2.10", from: "2023-11-14T22:13:20Z", to: "2023-11-14T22:13:20Z", notes: []string{"the end is reckoned"}},
	{name: "a line each", format: "atlas", output: `{"type":"ping","dst_addr":"a","sent":1,"rcvd":1,"result":[{"rtt":10}]}` + "\n" + `{"type":"ping","dst_addr":"a","sent":1,"rcvd":0,"result":[{"x":"*"}]}` + "\n", delays: "10 -"},
	{name: "firmware 4400", format: "atlas", output: `{"addr":"2001:db8::1","fw":4400,"mode":"ICMP6","name":"edge","prb_id":7,"rcvd":2,"sent":3,"result":[{"rtt":1},{"rtt":2,"srcaddr":"x"},{"error":"sendto failed: Network is unreachable"}]}`,
		delays: "1 2 -", asked: "probe 7 to 2001:db8::1", notes: []string{"1 packet could not be sent, and counts as lost: "}},
	{name: "err", format: "atlas", output: `{"dst_addr":"a","sent":2,"rcvd":1,"result":[{"rtt":1},{"err":"N"}]}`, delays: "1 -", notes: []string{"1 packet could not be sent, and counts as lost: \"N\""}},
	{name: "firmware 1", format: "atlas", output: `{"addr":"192.0.2.10","avg":20.1,"fw":1,"rcvd":3,"sent":3}`, refused: "a mean and no list of round trips, as firmware 1 has it"},
	{name: "several probes", format: "atlas", output: `[{"dst_addr":"a","prb_id":1,"sent":1,"result":[{"rtt":1}]},{"dst_addr":"a","prb_id":2,"sent":1,"result":[{"rtt":2}]}]`, refused: "2 pairs of probe and target (probe 1 to a, probe 2 to a): choose one with --target"},
	{name: "one of several probes", format: "atlas", output: `[{"dst_addr":"a","prb_id":1,"sent":1,"result":[{"rtt":1}]},{"dst_addr":"a","prb_id":2,"sent":1,"result":[{"rtt":2}]}]`, target: "2", delays: "2", asked: "probe 2 to a"},
	{name: "a packet taken out", format: "atlas", output: `{"dst_addr":"a","sent":2,"rcvd":1,"result":[{"rtt":1}]}`, refused: "result 0: 2 packets were sent, and 1 are listed"},
	{name: "an answer changed", format: "atlas", output: `{"dst_addr":"a","sent":1,"rcvd":1,"result":[{"x":"*"}]}`, refused: "1 answers came, and 0 are listed"},
	{name: "a negative round trip", format: "atlas", output: `{"dst_addr":"a","sent":1,"rcvd":1,"result":[{"rtt":-1}]}`, refused: "a round trip of -1 ms is none"},
	{name: "a packet of unknown kind", format: "atlas", output: `{"dst_addr":"a","sent":1,"rcvd":0,"result":[{"y":1}]}`, refused: "neither answered (rtt) nor lost (x)"},
	{name: "a late answer", format: "atlas", output: `{"dst_addr":"a","sent":2,"rcvd":1,"result":[{"x":"*"},{"late":1},{"rtt":3}]}`, delays: "- 3", notes: []string{"1 answer came after the time-out"}},
	{name: "a result with nothing", format: "atlas", output: `[{"dst_name":"a","prb_id":1,"sent":1,"result":[{"rtt":1}]},{"dst_name":"a","prb_id":1,"type":"ping","dnserr":"non-recoverable failure in name resolution (1)"}]`, delays: "1", notes: []string{"1 result, in which nothing was measured, is left out: "}},
	{name: "a traceroute", format: "atlas", output: `[{"type":"traceroute","result":[]}]`, refused: "a traceroute, not a ping"},
	{name: "no result", format: "atlas", output: `[]`, refused: "empty"},
	{name: "its error", format: "atlas", output: `{"error":{"status":404,"title":"Not Found"}}`, refused: "nothing was measured"},

	{name: "lost as true and false", format: "irtt", output: `{"version":{"irtt":"0.9.1"},"round_trips":[{"lost":false,"delay":{"rtt":1500000},"timestamps":{"client":{"receive":{"monotonic":5}}}},{"lost":true,"delay":{}}]}`, delays: "1.5 -"},
	{name: "neither lost nor answered", format: "irtt", output: `{"round_trips":[{"lost":"false","delay":{}}]}`, refused: "neither answered nor lost"},
	{name: "text", format: "irtt", output: "[Connecting] connecting to 192.0.2.10\n", refused: "irtt client -o FILE"},
}
