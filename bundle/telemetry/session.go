package telemetry

import (
	"time"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// The words of CAMARA Quality-on-Demand for a session's state (qosStatus) and for
// how it ended (statusInfo).
const (
	Requested   = "REQUESTED"
	Available   = "AVAILABLE"
	Unavailable = "UNAVAILABLE"

	DurationExpired   = "DURATION_EXPIRED"
	NetworkTerminated = "NETWORK_TERMINATED"
	DeleteRequested   = "DELETE_REQUESTED"
)

// The reference profiles of CAMARA by name. CAMARA leaves their limits to the
// provider, who publishes them by its QoS Profiles API; see
// [github.com/qodverify/qodverify/verify.Limits].
var ReferenceProfiles = []string{"QOS_E", "QOS_S", "QOS_M", "QOS_L"}

// Session is a session's life as a proof tells it, with the members of CAMARA's
// SessionInfo:
//
//	"session": {"qosProfile": "QOS_L", "qosStatus": "UNAVAILABLE", "statusInfo": "DURATION_EXPIRED",
//	            "startedAt": "2026-…Z", "expiresAt": "2026-…Z", "duration": 30,
//	            "available_ppm": 973100}
//
// startedAt, when the state became AVAILABLE, and expiresAt, when it ended or is to
// end, are absent while it is REQUESTED. available_ppm is not CAMARA's: how much
// of the time from the first sample's start to the last one's end lay inside
// AVAILABLE, in millionths, rounded down.
type Session struct {
	QoSProfile           string // "" when none was asked for by a name of CAMARA
	Status, StatusInfo   string
	StartedAt, ExpiresAt time.Time // zero while requested
	Duration             int64     // seconds
	AvailablePPM         int64
}

// ParseSession reads a proof's member session, which stands at pointer.
func ParseSession(v canonical.Value, pointer string) (Session, error) {
	r := &reader{at: v, pointer: pointer, signed: true}
	if v.Kind() != canonical.Object {
		return Session{}, v.Errorf(CodeIncomplete, pointer, "session is no object")
	}
	s := Session{
		Status: r.word("qosStatus", Requested, Available, Unavailable), Duration: r.whole("duration", 1, 1<<31-1),
		AvailablePPM: r.whole("available_ppm", 0, 1_000_000),
	}
	if v.Get("qosProfile").Exists() {
		s.QoSProfile = r.text("qosProfile")
	}
	if v.Get("statusInfo").Exists() {
		s.StatusInfo = r.word("statusInfo", DurationExpired, NetworkTerminated, DeleteRequested)
	}
	if (s.Status == Unavailable) != (s.StatusInfo != "") {
		r.fail(v.Get("statusInfo"), "statusInfo", "statusInfo goes with UNAVAILABLE, and with no other state")
	}
	if s.Status == Requested {
		if v.Get("startedAt").Exists() || v.Get("expiresAt").Exists() {
			r.fail(v.Get("startedAt"), "startedAt", "a session that is REQUESTED has not started")
		}
		return s, r.err
	}
	s.StartedAt, s.ExpiresAt = r.time("startedAt"), r.time("expiresAt")
	if r.err == nil && s.ExpiresAt.Before(s.StartedAt) {
		r.fail(v.Get("expiresAt"), "expiresAt", "the session expires before it starts")
	}
	return s, r.err
}

// AvailableIn returns how much of the time between two instants lay inside
// AVAILABLE, in millionths, rounded down. Of a single instant it is all or
// nothing.
func (s Session) AvailableIn(from, to time.Time) int64 {
	if s.StartedAt.IsZero() {
		return 0
	}
	start, end := from, to
	if s.StartedAt.After(start) {
		start = s.StartedAt
	}
	if s.ExpiresAt.Before(end) {
		end = s.ExpiresAt
	}
	inside, window := end.Sub(start).Microseconds(), to.Sub(from).Microseconds()
	switch {
	case inside < 0:
		return 0
	case window <= 0:
		return 1_000_000
	}
	// In microseconds a window of years times a million would overflow.
	if window > 1<<42 {
		return min(1_000_000, inside/(window/1_000_000))
	}
	return inside * 1_000_000 / window
}
