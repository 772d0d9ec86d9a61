-- Spanner configurations: which sources a query spans, and by which rules; and queries that are answered later.

CREATE TABLE spanner_config (
    id                          int8 PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name                        text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 100),
    description                 text NOT NULL CHECK (length(description) <= 1000),
    max_concurrent_sources      int4 NOT NULL CHECK (max_concurrent_sources BETWEEN 1 AND 20),
    timeout_seconds             int4 NOT NULL CHECK (timeout_seconds BETWEEN 1 AND 300),
    retry_attempts              int4 NOT NULL CHECK (retry_attempts BETWEEN 0 AND 10),
    failure_strategy            text NOT NULL CHECK (failure_strategy IN ('fail_fast', 'best_effort', 'minimum_threshold')),
    minimum_success_threshold   int4 CHECK (minimum_success_threshold BETWEEN 1 AND 100),
    deduplication_enabled       bool NOT NULL,
    consolidation_strategy      text NOT NULL CHECK (consolidation_strategy IN ('priority', 'most_complete', 'merge_all')),
    spanning_policy             text NOT NULL CHECK (spanning_policy IN ('supplement', 'merge', 'replace')),
    enterprise_mode             bool NOT NULL,
    created                     timestamptz NOT NULL DEFAULT ledger_now(),
    updated                     timestamptz NOT NULL DEFAULT ledger_now(),
    CHECK ((failure_strategy = 'minimum_threshold') = (minimum_success_threshold IS NOT NULL))
);

-- The sources of a configuration, each once.
CREATE TABLE spanner_source (
    id                          int8 PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    config_id                   int8 NOT NULL REFERENCES spanner_config ON DELETE CASCADE,
    source_type                 text NOT NULL CHECK (source_type IN ('pacs')),
    source_id                   int4 NOT NULL REFERENCES source,
    -- 1 wins.
    priority                    int4 NOT NULL CHECK (priority BETWEEN 1 AND 1000),
    -- Seconds; NULL: the configuration's.
    timeout_override            int4 CHECK (timeout_override BETWEEN 1 AND 300),
    -- Keyword to value: what of the source may be seen. They narrow a query and replace nothing of it.
    additional_query_filters    jsonb NOT NULL CHECK (jsonb_typeof(additional_query_filters) = 'object'),
    enabled                     bool NOT NULL,
    UNIQUE (config_id, source_id)
);

-- Queries that are answered later (async=true): any server may run them, and any may be asked for what they found.
CREATE TABLE query_run (
    -- 128 random bits: whoever has not been told it does not find it.
    id                          text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{32}$'),
    key_id                      text NOT NULL REFERENCES api_key,
    -- NULL: all sources. No reference: a run outlives its configuration, and then fails.
    config_id                   int8,
    level                       text NOT NULL CHECK (level IN ('STUDY', 'SERIES', 'IMAGE')),
    -- As it was asked: patient data.
    query                       text NOT NULL,
    cache_control               text NOT NULL,
    -- What the key may see; NULL: everything.
    facilities                  text[],
    state                       text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'running', 'completed', 'failed')),
    created                     timestamptz NOT NULL DEFAULT ledger_now(),
    ended                       timestamptz,
    -- Servers that began it; the fence of the one that runs it, and until when it is believed to be alive.
    attempts                    int4 NOT NULL DEFAULT 0,
    claim_id                    uuid,
    lease_until                 timestamptz,
    -- Why it failed.
    reason                      text,
    -- What it found: DICOM JSON, and what must be said with it.
    matches                     int4,
    warnings                    text[],
    age                         int4,
    answer                      bytea,
    CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CHECK ((state IN ('completed', 'failed')) = (ended IS NOT NULL)),
    CHECK ((state = 'failed') = (reason IS NOT NULL)),
    CHECK ((state = 'completed') = (answer IS NOT NULL AND matches IS NOT NULL AND warnings IS NOT NULL))
);
CREATE INDEX query_run_open ON query_run (created) WHERE state IN ('pending', 'running');
CREATE INDEX query_run_ended ON query_run (ended) WHERE ended IS NOT NULL;
CREATE INDEX query_run_key ON query_run (key_id, created);

CREATE TABLE query_run_source (
    run_id                      text NOT NULL REFERENCES query_run ON DELETE CASCADE,
    source                      text NOT NULL,
    -- `indexed`: the index vouches for it, or it was not to be asked.
    state                       text NOT NULL CHECK (state IN ('pending', 'indexed', 'answered', 'failed')),
    -- Copies of it in the answer.
    matches                     int4,
    reason                      text,
    started                     timestamptz,
    ended                       timestamptz,
    PRIMARY KEY (run_id, source)
);
