-- Sources, budgets, and the ledger of what was asked and what it proves.

-- Ranges of days that exclude each other, by source.
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- The ledger's clock and its random ids: the database's, unless a simulation has set others for its session, or a test
-- plays another night (concord.skew).
CREATE FUNCTION ledger_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS
$$ SELECT coalesce(nullif(current_setting('concord.now', true), '')::timestamptz,
                   clock_timestamp() + coalesce(nullif(current_setting('concord.skew', true), ''), '0')::interval) $$;
CREATE FUNCTION ledger_id() RETURNS uuid LANGUAGE sql VOLATILE AS
$$ SELECT coalesce(nullif(current_setting('concord.id', true), '')::uuid, gen_random_uuid()) $$;

CREATE TABLE source (
    id                  int4 PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name                text NOT NULL UNIQUE,
    ae_title            text NOT NULL,
    host                text NOT NULL,
    port                int4 NOT NULL CHECK (port BETWEEN 1 AND 65535),
    -- Of patient IDs that come without one; a patient ID means nothing without its issuer.
    issuer              text NOT NULL CHECK (issuer <> ''),
    -- 1 wins.
    priority            int4 NOT NULL CHECK (priority >= 1),
    -- False while its copies do not all bear the facility that its present rules give them.
    facilities_assigned bool NOT NULL DEFAULT true,
    -- Whether a mass disappearance was looked at by a person and may be believed, until the next sweep has ended.
    accepts_deletes     bool NOT NULL DEFAULT false
);

-- What a probe or a sweep has learned of a source.
CREATE TABLE source_capability (
    source_id           int4 NOT NULL REFERENCES source,
    name                text NOT NULL,
    value               text NOT NULL,
    -- For people: the observation that it rests on.
    evidence            text NOT NULL DEFAULT '',
    learned_at          timestamptz NOT NULL,
    PRIMARY KEY (source_id, name)
);

-- What may be asked of each source, and the state of it: its row lock orders every decision about the source, and only
-- the database's clock counts.
CREATE TABLE budget (
    source_id           int4 PRIMARY KEY REFERENCES source,

    -- Limits, from the configuration. Seconds between two requests (GCRA), and how far ahead of them a burst may run.
    emission            float8 NOT NULL CHECK (emission > 0),
    tolerance           float8 NOT NULL CHECK (tolerance >= 0),
    associations        int4 NOT NULL CHECK (associations >= 1),
    -- What sweeps, probes and health checks may take of it: the rest is kept for questions that a person waits for.
    bulk_emission       float8 NOT NULL CHECK (bulk_emission >= emission),
    bulk_associations   int4 NOT NULL CHECK (bulk_associations BETWEEN 1 AND associations),
    -- Seconds between two openings of an association (F81).
    opening_gap         float8 NOT NULL DEFAULT 0 CHECK (opening_gap >= 0),
    -- Of the weekly windows.
    time_zone           text NOT NULL DEFAULT 'UTC',

    -- Theoretical arrival times of the next request.
    tat                 timestamptz NOT NULL DEFAULT '-infinity',
    bulk_tat            timestamptz NOT NULL DEFAULT '-infinity',
    next_opening        timestamptz NOT NULL DEFAULT 'epoch',
    -- By a person (F112).
    paused              bool NOT NULL DEFAULT false,

    -- Circuit breaker (F104): failures in a row and since when, rests in a row, the end of the present rest, and
    -- afterwards the one association that tries whether the source is well.
    failures            int4 NOT NULL DEFAULT 0,
    failing_since       timestamptz,
    trips               int4 NOT NULL DEFAULT 0,
    rest_until          timestamptz NOT NULL DEFAULT 'epoch',
    trial               uuid,
    -- Associations given up for an hour, because the source said that it had too many, and how often it did (F80).
    congestions         int4 NOT NULL DEFAULT 0,
    yielded             int4 NOT NULL DEFAULT 0,
    yielded_until       timestamptz NOT NULL DEFAULT '-infinity',

    -- Latency brake (F103): a small question by UID, asked now and then; where it takes twice as long as it used to, the
    -- rate is halved.
    brake               float8 NOT NULL DEFAULT 1 CHECK (brake > 0 AND brake <= 1),
    reference_due       timestamptz NOT NULL DEFAULT '-infinity',
    reference_baseline  float8,
    reference_samples   float8[] NOT NULL DEFAULT '{}'
);

-- Weekly windows in which less may be asked (F101); outside of them, the whole budget. Minutes since midnight.
CREATE TABLE budget_window (
    source_id           int4 NOT NULL REFERENCES source,
    -- ISO: 1 is Monday.
    weekday             int4 NOT NULL CHECK (weekday BETWEEN 1 AND 7),
    minutes             int4range NOT NULL CHECK (minutes <@ int4range(0, 1440) AND NOT isempty(minutes)),
    -- Percent of the time that an association may be busy: at 10, after one second of work it rests nine.
    utilisation         int4 NOT NULL CHECK (utilisation BETWEEN 0 AND 100),
    associations        int4 CHECK (associations >= 1),
    EXCLUDE USING gist (source_id WITH =, weekday WITH =, minutes WITH &&)
);

-- One row per open association, whatever it is for. What is in flight is counted from here and never kept as a number:
-- a killed worker cannot leak it.
CREATE TABLE source_lease (
    id                  uuid PRIMARY KEY,
    source_id           int4 NOT NULL REFERENCES source,
    purpose             text NOT NULL CHECK (purpose IN ('sweep', 'probe', 'health', 'live', 'resting')),
    expires             timestamptz NOT NULL,
    -- Of a window's utilisation: no request before. A place given back meanwhile stays taken until then.
    rest_until          timestamptz NOT NULL DEFAULT 'epoch'
);
CREATE INDEX ON source_lease (source_id, expires);

CREATE TABLE job_run (
    id                  int8 PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    job                 text NOT NULL,
    -- An unfinished run with the same key is taken up again.
    resume_key          text,
    started             timestamptz NOT NULL,
    -- What is not asked by then is left for another night.
    deadline            timestamptz,
    ended               timestamptz
);
CREATE UNIQUE INDEX job_run_unfinished ON job_run (resume_key) WHERE ended IS NULL;
CREATE INDEX job_run_open ON job_run (id) WHERE ended IS NULL;

CREATE TABLE slice (
    id                  int8 PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    run_id              int8 NOT NULL REFERENCES job_run,
    source_id           int4 NOT NULL REFERENCES source,
    parent_id           int8 REFERENCES slice,
    -- The slice of one whole day of which this is a part. Parts enumerate a day and do not prove it (F38).
    day_id              int8 REFERENCES slice,
    -- Whether its range was chosen to be asked at once; of others the planner asks a part first.
    sized               bool NOT NULL,
    level               text NOT NULL CHECK (level IN ('STUDY', 'SERIES')),
    axis                text NOT NULL CHECK (axis IN ('dates', 'times', 'modalities', 'prefixes', 'patient', 'uids')),
    -- NULL: open. Times, in microseconds since midnight, only within one day (PS3.4 C.2.2.2.5).
    date_from           date,
    date_to             date,
    time_from           int8,
    time_to             int8,
    modality            text,
    -- The beginning of patient IDs; '' is any.
    patient_prefix      text,
    patient_id          text,
    -- Study Instance UIDs: at STUDY level one whose presence is asked for, at SERIES level those whose series are.
    uids                text[],
    CHECK (time_from IS NULL OR (date_from = date_to AND time_from <= time_to)),
    CHECK (axis = CASE WHEN uids IS NOT NULL THEN 'uids' WHEN patient_id IS NOT NULL THEN 'patient'
                       WHEN patient_prefix IS NOT NULL THEN 'prefixes' WHEN modality IS NOT NULL THEN 'modalities'
                       WHEN time_from IS NOT NULL THEN 'times' ELSE 'dates' END),

    -- `skipped`: not asked before the run's deadline.
    state               text NOT NULL DEFAULT 'ready'
                        CHECK (state IN ('ready', 'leased', 'complete', 'split', 'irreducible', 'dead', 'skipped')),
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
    -- A hash of each UID, joined by exclusive or: two answers that name the same studies have the same.
    uid_digest          int8,
    final_status        int4,
    duration            float8,
    reason              text,
    ended               timestamptz,
    CHECK ((state IN ('complete', 'split', 'irreducible', 'dead', 'skipped')) = (ended IS NOT NULL)),
    CHECK (state <> 'complete' OR final_status = 0)
);
-- Children first, so that a run goes deep before it goes wide and few slices are open at once.
CREATE INDEX slice_open ON slice (run_id, source_id, id DESC) WHERE state IN ('ready', 'leased');
CREATE INDEX slice_run ON slice (run_id, source_id);
-- The largest answer so far, which each claim asks for.
CREATE INDEX slice_largest ON slice (run_id, source_id, level, raw_rows) WHERE final_status = 0;
CREATE INDEX slice_parent ON slice (parent_id);
CREATE INDEX slice_day ON slice (day_id) WHERE day_id IS NOT NULL;

-- What is known of each source's days, by the latest statement about them. A hole never replaces knowledge.
CREATE TABLE coverage (
    source_id           int4 NOT NULL REFERENCES source,
    level               text NOT NULL CHECK (level IN ('STUDY', 'SERIES')),
    days                daterange NOT NULL CHECK (NOT isempty(days)),
    state               text NOT NULL CHECK (state IN ('proven', 'enumerated', 'hole')),
    -- When the source was asked, at the latest: what is stated of the days was true then.
    verified_at         timestamptz NOT NULL,
    reason              text NOT NULL DEFAULT '',
    run_id              int8 NOT NULL REFERENCES job_run,
    -- Of a day that was asked in parts: how many studies were known of it then, and their UIDs' hashes joined by exclusive or.
    studies             int4,
    uid_digest          int8,
    EXCLUDE USING gist (source_id WITH =, level WITH =, days WITH &&)
);

-- The last complete pass over a source's patients, which reaches studies that no date range does (F21).
CREATE TABLE patient_pass (
    source_id           int4 PRIMARY KEY REFERENCES source,
    run_id              int8 NOT NULL REFERENCES job_run,
    -- `prefixes`: all patient IDs by their beginnings; `patients`: the patients that were known or listed.
    kind                text NOT NULL CHECK (kind IN ('prefixes', 'patients')),
    verified_at         timestamptz NOT NULL
);

-- What a pass over all patients has shown of each day: the second axis, which proves a day that was asked in parts where
-- both name the same studies, and tells what part of a year the sweeps by date have reached (F14).
CREATE TABLE patient_pass_day (
    run_id              int8 NOT NULL REFERENCES job_run,
    source_id           int4 NOT NULL REFERENCES source,
    day                 date NOT NULL,
    studies             int4 NOT NULL,
    uid_digest          int8 NOT NULL,
    -- Of them, those that no sweep by date had shown, although the day was asked.
    beyond_dates        int4 NOT NULL,
    PRIMARY KEY (run_id, source_id, day)
);

-- When each scheduled job was first seen: it is due from then on, and not for all the times before.
CREATE TABLE scheduled_job (
    job                 text PRIMARY KEY,
    seen                timestamptz NOT NULL
);

-- Its runs, by the moment at which they were due: the row makes that there is exactly one, however many schedulers see it.
CREATE TABLE scheduled_run (
    job                 text NOT NULL REFERENCES scheduled_job,
    due                 timestamptz NOT NULL,
    started             timestamptz NOT NULL,
    ended               timestamptz,
    -- 'ok', 'holes' or 'failed'; NULL while it runs.
    outcome             text CHECK (outcome IN ('ok', 'holes', 'failed')),
    CHECK ((outcome IS NULL) = (ended IS NULL)),
    PRIMARY KEY (job, due)
);
