package telemetry

import (
	"time"

	"github.com/qodverify/qodverify/bundle"
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
// end, are absent while it is REQUESTED, and where it became UNAVAILABLE without ever
// having been AVAILABLE. duration is what was granted, which may be other than what
// was asked for; while AVAILABLE the whole of it with extensions, and once UNAVAILABLE
// how long it really lasted. So it is expiresAt less startedAt in whole seconds.
// available_ppm is not CAMARA's: how much of the time from the first sample's start to
// the last one's end lay inside AVAILABLE, in millionths, rounded down, of the samples
// whose time is known; null where it is known of none.
type Session struct {
	QoSProfile           string // "" when none was asked for by a name of CAMARA
	Status, StatusInfo   string
	StartedAt, ExpiresAt time.Time // zero unless it was AVAILABLE
	Duration             int64     // seconds
	AvailablePPM         int64
	AvailableUnknown     bool // available_ppm is null: nobody knows when was measured
}

// Started reports whether the session ever was AVAILABLE.
func (s Session) Started() bool { return !s.StartedAt.IsZero() }

// Lasts returns the time from start to end, 0 where there is none.
func (s Session) Lasts() time.Duration { return s.ExpiresAt.Sub(s.StartedAt) }

// Early reports whether the session was ended before its time.
func (s Session) Early() bool {
	return s.StatusInfo == NetworkTerminated || s.StatusInfo == DeleteRequested
}

// ParseSession reads a proof's member session, which stands at pointer.
func ParseSession(v canonical.Value, pointer string) (Session, error) {
	r := &reader{at: v, pointer: pointer, signed: true}
	if v.Kind() != canonical.Object {
		return Session{}, v.Errorf(CodeIncomplete, pointer, "session is no object")
	}
	s := Session{
		Status:           r.word("qosStatus", Requested, Available, Unavailable),
		AvailableUnknown: v.Get("available_ppm").Kind() == canonical.Null,
	}
	if !s.AvailableUnknown {
		s.AvailablePPM = r.whole("available_ppm", 0, 1_000_000)
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
	neither := !v.Get("startedAt").Exists() && !v.Get("expiresAt").Exists()
	least := int64(1)
	if s.Status == Unavailable {
		least = 0 // it may have ended at once, or never have begun
	}
	s.Duration = r.whole("duration", least, 1<<31-1)
	if s.Status == Unavailable && neither && s.StatusInfo != DurationExpired {
		return s, r.err
	}
	if s.Status == Requested {
		if v.Get("startedAt").Exists() || v.Get("expiresAt").Exists() {
			r.fail(v.Get("startedAt"), "startedAt", "a session that is REQUESTED has not started")
		}
		return s, r.err
	}
	s.StartedAt, s.ExpiresAt = r.instant("startedAt"), r.instant("expiresAt")
	if r.err == nil && s.ExpiresAt.Before(s.StartedAt) {
		r.fail(v.Get("expiresAt"), "expiresAt", "the session expires before it starts")
	}
	return s, r.err
}

// instant is time in any zone, which CAMARA leaves open.
func (r *reader) instant(name string) time.Time {
	text := r.text(name)
	t, ok := bundle.ParseTime(text)
	if len(text) < 20 || text[10] != 'T' || !ok {
		ok = false
		if r.at.Get(name).Kind() == canonical.String {
			r.fail(r.at.Get(name), name, "%s is no time in RFC 3339", name)
		}
	}
	if !ok {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
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
