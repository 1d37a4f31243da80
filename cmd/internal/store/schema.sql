-- The original's tables, and what keeps the chain from forking. Step N takes a
-- file from user_version N-1 to N; a file of the original is at 0.

-- step 1
CREATE TABLE IF NOT EXISTS sessions (
  session_id TEXT PRIMARY KEY,
  created_at REAL NOT NULL,
  intent_json TEXT NOT NULL,
  qos_profile TEXT NOT NULL,
  qos_status TEXT NOT NULL,
  provider_note TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS telemetry (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id TEXT NOT NULL,
  created_at REAL NOT NULL,
  sample_json TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS proof_ledger (
  session_id TEXT PRIMARY KEY,
  created_at REAL NOT NULL,
  proof_json TEXT NOT NULL,
  prev_hash TEXT NOT NULL,
  this_hash TEXT NOT NULL,
  signature TEXT NOT NULL DEFAULT '',
  kid TEXT NOT NULL DEFAULT '',
  position INTEGER
);
-- The place in the chain. The original ordered by created_at, a float of a clock
-- that can step back; that order is kept for the records that were there, after
-- those that have a place already.
UPDATE proof_ledger SET position = n FROM (
  SELECT rowid AS row, row_number() OVER (ORDER BY position IS NULL, position, created_at, rowid) AS n FROM proof_ledger
) WHERE rowid = row;
CREATE UNIQUE INDEX proof_ledger_position ON proof_ledger (position);
-- A predecessor has one successor. Records that were there before may break this
-- (the original forked under load), so the rule holds from here on; LEGACY is
-- replaced by their number.
CREATE UNIQUE INDEX proof_ledger_prev_hash ON proof_ledger (prev_hash) WHERE position > LEGACY;
-- INSERT OR REPLACE, as the original writes, would answer that index by deleting
-- the rival record. It must fail instead.
CREATE TRIGGER proof_ledger_fork BEFORE INSERT ON proof_ledger WHEN EXISTS (
  SELECT 1 FROM proof_ledger WHERE prev_hash = NEW.prev_hash AND position > LEGACY AND session_id <> NEW.session_id
) BEGIN
  SELECT RAISE(ABORT, 'the predecessor has a successor already: the chain would fork');
END;
-- A row that another program inserts without a place goes to the end.
CREATE TRIGGER proof_ledger_append AFTER INSERT ON proof_ledger WHEN NEW.position IS NULL BEGIN
  UPDATE proof_ledger SET position = (SELECT coalesce(max(position), 0) + 1 FROM proof_ledger) WHERE rowid = NEW.rowid;
END;
CREATE INDEX IF NOT EXISTS telemetry_session ON telemetry (session_id, id);
CREATE INDEX IF NOT EXISTS sessions_created ON sessions (created_at DESC);
