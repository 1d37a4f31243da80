package importer

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/qodverify/qodverify/bundle/canonical"

	"github.com/qodverify/qodverify/cmd/internal/pattern"
)

// iperf3Run is a result of iperf3.
type iperf3Run struct {
	*Measurement
	start, end canonical.Value
	udp        bool
	server     bool // the server's own result: of the other side it knows nothing
	both       bool // both directions at once (--bidir)
}

// iperf3 reads the JSON of iperf3 --json or --json-stream: what was delivered and what
// was sent, of UDP jitter and loss, of TCP the sender's round trips, over all streams
// and in both directions.
func iperf3(data []byte, _ string) (*Measurement, error) {
	start, end, failure, err := iperf3Values(data)
	if err != nil {
		return nil, err
	}
	if failure != "" {
		return nil, fmt.Errorf("iperf3 failed: %s", canonical.Clip(failure, 200))
	}
	if !end.Get("sum").Exists() && !end.Get("sum_received").Exists() && !end.Get("sum_sent").Exists() {
		return nil, errors.New("there is no end with its sums: this is not the JSON of iperf3, or the run was cut off")
	}
	m := &Measurement{
		Tool: text(start.Get("version")), Target: text(start.At("/connecting_to/host")),
		NotMeasured: []string{fmt.Sprintf(noPercentile, "iperf3 measures no single round trips")},
	}
	r := &iperf3Run{m, start, end, text(start.At("/test_start/protocol")) == "UDP", start.Get("accepted_connection").Exists(),
		end.Get("sum_received_bidir_reverse").Exists() || end.Get("sum_sent_bidir_reverse").Exists() || end.Get("sum_bidir_reverse").Exists()}
	r.when()
	reverse, _ := start.At("/test_start/reverse").Int()
	if !r.both {
		r.direction("", "", reverse != 0)
	} else {
		r.direction("upload_", "", false)
		r.direction("download_", "_bidir_reverse", true)
	}
	if !r.udp {
		m.NotMeasured = append(m.NotMeasured, "jitter and packet loss: TCP repeats what is lost")
	}
	return m, nil
}

// iperf3Repeats are members of start that iperf3 writes once for each stream, into one
// object.
var iperf3Repeats = pattern.Lazy(`"(?:sndbuf_actual|rcvbuf_actual|sock_bufsize|target_bitrate|tcp_mss|tcp_mss_default)"\s*:\s*\d+\s*,`)

var iperf3Whole = pattern.Lazy(`}\r?\n{\r?\n`)

// withoutRepeats blanks these, none of which is read here. All else stays where it is.
func withoutRepeats(data []byte) []byte {
	return iperf3Repeats().ReplaceAllFunc(data, func(member []byte) []byte { return bytes.Repeat([]byte(" "), len(member)) })
}

// iperf3Values finds start, end and error in one document, or in a line an event.
func iperf3Values(data []byte) (start, end canonical.Value, failure string, err error) {
	if at := iperf3Whole().FindIndex(data); at != nil && bytes.HasPrefix(data, []byte(`{"event"`)) {
		data = data[:at[0]+1] // --json-stream-full-output has the whole once more behind it
	}
	events, err := stream(withoutRepeats(data))
	if err != nil {
		return start, end, "", err
	}
	if len(events) == 0 {
		if strings.Contains(string(data[:min(len(data), 4096)]), "[ ID] Interval") {
			return start, end, "", errors.New("this is iperf3's text: run it with --json")
		}
		root, err := parse(withoutRepeats(data), "iperf3", "iperf3 --json")
		if e := (*canonical.Error)(nil); errors.As(err, &e) && e.Code == canonical.CodeDuplicateName && strings.HasPrefix(e.Pointer, "/end/sum") {
			err = fmt.Errorf("%w: older iperf3 writes both directions of --bidir under one name, so neither can be told: measure with a newer one, or with -R after", err)
		}
		return root.Get("start"), root.Get("end"), text(root.Get("error")), err
	}
	for _, v := range events {
		switch event := text(v.Get("event")); {
		case event == "start" && start.Exists():
			return start, end, "", errors.New("the file holds more than one run of iperf3")
		case event == "start":
			start = v.Get("data")
		case event == "end":
			end = v.Get("data")
		case event == "error":
			failure = text(v.Get("data"))
		case event == "" && v.Get("start").Exists():
			return start, end, "", errors.New("the file holds more than one run of iperf3")
		}
	}
	return start, end, failure, nil
}

func (r *iperf3Run) when() {
	start, ok := r.start.At("/timestamp/timesecs").Int()
	if !ok || start <= 0 || start > 1e11 {
		return
	}
	r.StartedAt = time.Unix(start, 0).UTC()
	for _, name := range []string{"sum_sent", "sum_received", "sum"} {
		if took, ok := number(r.end.Get(name).Get("seconds")); ok && took > 0 && took < 1e6 {
			r.EndedAt = r.StartedAt.Add(time.Duration(took * float64(time.Second)))
			return
		}
	}
}

// streams returns those that carry data in one direction, and how many there are.
func (r *iperf3Run) streams(reverse bool) (list []canonical.Value, n int) {
	for _, v := range r.end.Get("streams").Elements() {
		side := v.Get("sender")
		if r.udp {
			side = v.Get("udp")
		}
		sends, told := side.Get("sender").Bool()
		if !r.both || !told || sends == (reverse == r.server) {
			list = append(list, v)
		}
	}
	asked, _ := r.start.At("/test_start/num_streams").Int()
	return list, int(max(int64(len(list)), min(asked, 1<<16)))
}

// way is one direction of a run.
type way struct {
	prefix   string // of the figures' names, where there are two directions
	from, to string
	name     string
	of       string // the direction and the streams, for what a figure is of
	streams  []canonical.Value
	count    int
}

// direction takes the figures of one direction, with their names' prefix and iperf3's
// suffix. What the other side counts a server's result does not have: there it is 0.
func (r *iperf3Run) direction(prefix, suffix string, reverse bool) {
	w := way{prefix: prefix, from: "client", to: "server", name: "client to server (upload)"}
	if reverse {
		w.from, w.to, w.name = "server", "client", "server to client (download)"
	}
	w.streams, w.count = r.streams(reverse)
	w.of = fmt.Sprintf("%s, %s", w.name, streamCount(w.count))
	sum, sent, received := r.end.Get("sum"+suffix), r.end.Get("sum_sent"+suffix), r.end.Get("sum_received"+suffix)
	switch {
	case r.server && reverse:
		sum, received = canonical.Value{}, canonical.Value{}
	case r.server:
		sent = canonical.Value{}
	case !sent.Exists():
		sent = sum // before 3.10 there is but one sum of UDP, and its rate is the sender's
	}
	delivered := r.figure(prefix+"throughput_mbps_received", received.Get("bits_per_second"), 1e-6, "what the "+w.to+" received, "+w.of)
	r.figure(prefix+"throughput_mbps_sent", sent.Get("bits_per_second"), 1e-6, "what the "+w.from+" sent, "+w.of)
	if !delivered {
		r.unknown("what was delivered", w, "the "+w.to+" counts it")
	}
	if r.udp {
		r.datagrams(w, sum, received)
		return
	}
	if n, ok := number(sent.Get("retransmits")); ok && n >= 0 {
		r.set(prefix+"retransmits", n, "by the "+w.from+", "+w.of)
	}
	if !r.roundTrips(w) {
		r.unknown("round trips (min_rtt, mean_rtt, max_rtt)", w, "the "+w.from+", which sends, knows them, and its result alone")
	}
}

func (r *iperf3Run) unknown(what string, w way, why string) {
	r.NotMeasured = append(r.NotMeasured, fmt.Sprintf("%s, %s: %s", what, w.name, why))
}

// datagrams takes what the receiver of UDP counted.
func (r *iperf3Run) datagrams(w way, sum, received canonical.Value) {
	if !sum.Exists() {
		sum = received
	}
	if !sum.Exists() {
		r.unknown("jitter and loss", w, "the "+w.to+" counts them")
		return
	}
	about, mean := "counted by the "+w.to+", "+w.of, ""
	if w.count > 1 {
		mean = "the mean of the streams', "
	}
	r.figure(w.prefix+"jitter_ms", sum.Get("jitter_ms"), 1, mean+about)
	r.figure(w.prefix+"lost_packets", sum.Get("lost_packets"), 1, about)
	r.figure(w.prefix+"packets", sum.Get("packets"), 1, "sent by the "+w.from+", "+w.of)
	r.figure(w.prefix+"loss_pct", sum.Get("lost_percent"), 1, about)
}

func streamCount(n int) string {
	switch n {
	case 0, 1:
		return "1 stream"
	}
	return fmt.Sprintf("%d streams together", n)
}

// roundTrips takes what the sender's kernel knows of round trips, over all streams.
// Where the side that wrote the result does not send, iperf3 has 0, or what its own
// kernel saw of the connection: that is none.
func (r *iperf3Run) roundTrips(w way) bool {
	if (w.from == "server") != r.server {
		return false
	}
	least, most, mean, n := math.Inf(1), 0.0, 0.0, 0
	for _, v := range w.streams {
		low, okLow := number(v.At("/sender/min_rtt"))
		middle, okMean := number(v.At("/sender/mean_rtt"))
		high, okHigh := number(v.At("/sender/max_rtt"))
		if okLow && okMean && okHigh && low > 0 {
			least, mean, most, n = min(least, low), mean+middle, max(most, high), n+1
		}
	}
	if n == 0 {
		return false
	}
	of, among := fmt.Sprintf("the %s's kernel, %s, ", w.from, w.name), [3]string{"1 stream", "1 stream", "1 stream"}
	if n > 1 {
		among = [3]string{fmt.Sprintf("the least of %d streams", n), fmt.Sprintf("the mean of %d streams' means", n), fmt.Sprintf("the greatest of %d streams", n)}
	}
	r.set(w.prefix+"min_rtt_us", least, of+among[0])
	r.set(w.prefix+"mean_rtt_us", mean/float64(n), of+among[1])
	r.set(w.prefix+"max_rtt_us", most, of+among[2])
	return true
}
