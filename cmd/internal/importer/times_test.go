package importer

import (
	"testing"
	"time"
)

// Output without times has no time until the user says one; what a tool printed
// itself is not overruled.
func TestSaid(t *testing.T) {
	at := func(text string) time.Time {
		if text == "" {
			return time.Time{}
		}
		v, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	const took = "3 packets transmitted, 3 received, 0% packet loss, time 2003ms\n"
	plain := func(total, stamp string) string {
		return "PING 192.0.2.1 (192.0.2.1) 56(84) bytes of data.\n" +
			stamp + "64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=10.1 ms\n" +
			"64 bytes from 192.0.2.1: icmp_seq=2 ttl=64 time=10.2 ms\n64 bytes from 192.0.2.1: icmp_seq=3 ttl=64 time=10.3 ms\n" + total
	}
	for _, x := range []struct {
		name, output, began, ended, wantBegan, wantEnded string
		refused                                          bool
	}{
		{"nothing said", plain(took, ""), "", "", "", "", false},
		{"start said, length told", plain(took, ""), "2026-11-24T06:00:00Z", "", "2026-11-24T06:00:00Z", "2026-11-24T06:00:02.003Z", false},
		{"end said, length told", plain(took, ""), "", "2026-11-24T06:00:02.003Z", "2026-11-24T06:00:00Z", "2026-11-24T06:00:02.003Z", false},
		{"both said", plain(took, ""), "2026-11-24T06:00:00Z", "2026-11-24T06:00:03Z", "2026-11-24T06:00:00Z", "2026-11-24T06:00:03Z", false},
		{"shorter than the run", plain(took, ""), "2026-11-24T06:00:00Z", "2026-11-24T06:00:00.5Z", "", "", true},
		{"the wrong way round", plain(took, ""), "2026-11-24T06:00:03Z", "2026-11-24T06:00:00Z", "", "", true},
		{"start said, length not told", plain("3 packets transmitted, 3 packets received, 0.0% packet loss\n", ""), "2026-11-24T06:00:00Z", "", "", "", true},
		{"said, and printed otherwise", plain(took, "[1795500000.5] "), "2026-11-24T06:00:00Z", "2026-11-24T06:00:03Z", "", "", true},
	} {
		t.Run(x.name, func(t *testing.T) {
			m, err := Parse("ping", []byte(x.output), "")
			if err != nil {
				t.Fatal(err)
			}
			err = m.Said(at(x.began), at(x.ended))
			if (err != nil) != x.refused {
				t.Fatalf("%v", err)
			}
			if !x.refused && (!m.StartedAt.Equal(at(x.wantBegan)) || !m.EndedAt.Equal(at(x.wantEnded))) {
				t.Errorf("from %v to %v", m.StartedAt, m.EndedAt)
			}
		})
	}
}
