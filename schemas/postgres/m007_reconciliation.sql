-- Reconciliation: how far it has come, what has to be looked at again, what became of each discrepancy, and what studies were
-- before.

-- One row: the change feed was followed up to here.
CREATE TABLE reconciliation (
    single              bool PRIMARY KEY DEFAULT true CHECK (single),
    -- Where the next pass begins to read changes.
    horizon             xid8 NOT NULL,
    -- Of the rules, the sources and what is expected of them: when that is another, everything is done anew.
    basis               text NOT NULL,
    -- Passes so far: two that run at once are told apart, and the later one begins again.
    passes              int8 NOT NULL,
    ended               timestamptz NOT NULL
);

-- Studies to look at again though nothing changes: counts that may still grow, dates that lie in the future.
CREATE TABLE reconciliation_due (
    study_uid           text COLLATE "C" PRIMARY KEY,
    due                 timestamptz NOT NULL
);
CREATE INDEX reconciliation_due_time ON reconciliation_due (due);

-- What it is now, where that is not what was frozen.
ALTER TABLE discrepancy ADD COLUMN current jsonb;
CREATE INDEX discrepancy_study ON discrepancy (study_uid);
CREATE INDEX discrepancy_other ON discrepancy (other_uid) WHERE other_uid IS NOT NULL;

-- What became of each; append-only.
CREATE TABLE discrepancy_event (
    id                  int8 PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    discrepancy_id      int8 NOT NULL REFERENCES discrepancy,
    at                  timestamptz NOT NULL,
    -- `worsened`: of a higher severity than when it was acknowledged, and open again.
    event               text NOT NULL CHECK (event IN ('found', 'reopened', 'worsened', 'acknowledged', 'resolved')),
    severity            text NOT NULL,
    -- Who acknowledged it, and what they say.
    actor               text NOT NULL DEFAULT '',
    note                text NOT NULL DEFAULT '',
    CHECK (event = 'acknowledged' OR (actor, note) = ('', ''))
);
CREATE INDEX discrepancy_event_of ON discrepancy_event (discrepancy_id);
CREATE INDEX discrepancy_event_time ON discrepancy_event (at);

-- What a source said of a study before it said something else; append-only.
CREATE TABLE observation_history (
    id                  int8 PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    study_uid           text COLLATE "C" NOT NULL,
    source_id           int4 NOT NULL REFERENCES source,
    -- `changed`: it says something else since `until`. `vanished`: it does not show the study since then. `returned`: it
    -- shows it again.
    event               text NOT NULL CHECK (event IN ('changed', 'vanished', 'returned')),
    since               timestamptz NOT NULL,
    until               timestamptz NOT NULL,
    -- What it said until then, in the order of DICOM's AttributeDictionary.
    texts               text[] NOT NULL,
    -- Whose it was then.
    facility_id         int4 REFERENCES facility
);
CREATE INDEX observation_history_study ON observation_history (study_uid);

-- Since when a copy shows these numbers of series and images; NULL: since it was first seen, which is long enough.
ALTER TABLE observation ADD COLUMN counted_at timestamptz;

-- The second wall (m003_access.sql): a restricted caller's role sees what copies said while they belonged to its facilities,
-- and what became of discrepancies that it sees.
GRANT SELECT ON discrepancy_event, observation_history TO concord_scoped;
ALTER TABLE discrepancy_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE observation_history ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON discrepancy_event FOR SELECT TO concord_scoped
    USING (EXISTS (SELECT 1 FROM discrepancy d WHERE d.id = discrepancy_id));
CREATE POLICY visible ON observation_history FOR SELECT TO concord_scoped
    USING (facility_id = ANY ((SELECT visible_facilities())::int4[]));
