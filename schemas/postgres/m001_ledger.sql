-- Sources, budgets, and the ledger of what was asked and what it proves.

CREATE TABLE source (
    id                  int4 PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name                text NOT NULL UNIQUE,
    ae_title            text NOT NULL,
    host                text NOT NULL,
    port                int4 NOT NULL CHECK (port BETWEEN 1 AND 65535),
    -- Of patient IDs that come without one; a patient ID means nothing without its issuer.
    issuer              text NOT NULL CHECK (issuer <> ''),
    -- 1 wins.
    priority            int4 NOT NULL CHECK (priority >= 1)
);

-- The rate state of each source (GCRA): its row lock orders every decision about the source, and only the database's
-- clock counts.
CREATE TABLE budget (
    source_id           int4 PRIMARY KEY REFERENCES source,
    -- Seconds between two requests, and how far ahead of them a burst may run.
    emission            float8 NOT NULL CHECK (emission > 0),
    tolerance           float8 NOT NULL CHECK (tolerance >= 0),
    associations        int4 NOT NULL CHECK (associations >= 1),
    -- Theoretical arrival time of the next request.
    tat                 timestamptz NOT NULL DEFAULT '-infinity'
);

-- One row per open association, whatever it is for. What is in flight is counted from here and never kept as a number:
-- a killed worker cannot leak it.
CREATE TABLE source_lease (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    source_id           int4 NOT NULL REFERENCES source,
    purpose             text NOT NULL,
    expires             timestamptz NOT NULL
);
CREATE INDEX ON source_lease (source_id, expires);

CREATE TABLE job_run (
    id                  int8 PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    job                 text NOT NULL,
    -- An unfinished run with the same key is taken up again.
    resume_key          text,
    started             timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended               timestamptz
);
CREATE UNIQUE INDEX job_run_unfinished ON job_run (resume_key) WHERE ended IS NULL;

CREATE TABLE slice (
    id                  int8 PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    run_id              int8 NOT NULL REFERENCES job_run,
    source_id           int4 NOT NULL REFERENCES source,
    parent_id           int8 REFERENCES slice,
    level               text NOT NULL,
    axis                text NOT NULL CHECK (axis IN ('dates', 'times', 'uids')),
    -- NULL: open. Times, in microseconds since midnight, only within one day (PS3.4 C.2.2.2.5).
    date_from           date,
    date_to             date,
    time_from           int8,
    time_to             int8,
    uids                text[],
    CHECK (axis <> 'times' OR (date_from = date_to AND time_from <= time_to)),
    CHECK ((axis = 'uids') = (uids IS NOT NULL)),

    state               text NOT NULL DEFAULT 'ready'
                        CHECK (state IN ('ready', 'leased', 'complete', 'split', 'irreducible', 'dead')),
    attempt             int4 NOT NULL DEFAULT 0,
    not_before          timestamptz NOT NULL DEFAULT '-infinity',
    -- The fence: a random id, because an epoch can be handed out twice after a failover.
    claim_id            uuid,
    lease_until         timestamptz,
    worker              text,
    CHECK ((state = 'leased') = (lease_until IS NOT NULL)),

    -- The proof (F13).
    raw_rows            int4,
    distinct_uids       int4,
    filtered_out        int4,
    final_status        int4,
    duration            float8,
    reason              text,
    ended               timestamptz,
    CHECK ((state IN ('complete', 'split', 'irreducible', 'dead')) = (ended IS NOT NULL)),
    CHECK (state <> 'complete' OR final_status = 0)
);
-- Children first, so that a run goes deep before it goes wide and few slices are open at once.
CREATE INDEX slice_open ON slice (run_id, source_id, id DESC) WHERE state IN ('ready', 'leased');
CREATE INDEX slice_run ON slice (run_id, source_id);
CREATE INDEX slice_parent ON slice (parent_id);
CREATE INDEX slice_proof ON slice (source_id, ended) WHERE state = 'complete' AND axis <> 'uids';
