-- A shard, format 1. FORMAT.md in Sources/EdgeShard says what each column means. Keys are given out by the publisher and
-- never again: they are what patchsets name rows by. Nothing but them is UNIQUE: a patchset applies its rows in an order
-- of its own, and a row that left and one that came would collide.
PRAGMA page_size = 4096;
PRAGMA application_id = 1131376195;
PRAGMA user_version = 1;

CREATE TABLE source (
    source_id                           INTEGER PRIMARY KEY,
    name                                TEXT NOT NULL,
    ae_title                            TEXT NOT NULL,
    issuer                              TEXT NOT NULL,
    priority                            INTEGER NOT NULL
) STRICT;

CREATE TABLE study (
    study_id                            INTEGER PRIMARY KEY,
    study_uid                           TEXT NOT NULL,
    -- Consolidated, as the order of answers needs them; days since 1970-01-01, microseconds since midnight.
    study_day                           INTEGER,
    study_clock                         INTEGER
) STRICT;

CREATE TABLE observation (
    observation_id                      INTEGER PRIMARY KEY,
    study_id                            INTEGER NOT NULL,
    source_id                           INTEGER NOT NULL,
    patient_id                          TEXT,
    issuer_of_patient_id                TEXT,
    patient_name                        TEXT,
    patient_birth_date                  TEXT,
    patient_sex                         TEXT,
    study_date                          TEXT,
    study_time                          TEXT,
    accession_number                    TEXT,
    study_identifier                    TEXT,
    study_description                   TEXT,
    referring_physician_name            TEXT,
    modalities_in_study                 TEXT,
    number_of_study_related_series      TEXT,
    number_of_study_related_instances   TEXT,
    instance_availability               TEXT,
    retrieve_ae_title                   TEXT,
    timezone_offset_from_utc            TEXT,
    issuer                              TEXT NOT NULL,
    name_key                            TEXT,
    physician_key                       TEXT,
    study_day                           INTEGER,
    study_clock                         INTEGER,
    birth_day                           INTEGER,
    modalities                          TEXT,
    series_count                        INTEGER,
    instance_count                      INTEGER,
    lossy                               TEXT,
    -- NULL for copies of the patient that the study is consolidated under; another patient's identity otherwise.
    other_patient                       TEXT,
    -- 1 where the series of this copy were asked for since it last changed.
    are_series_known                    INTEGER NOT NULL
) STRICT;

CREATE TABLE series_observation (
    series_observation_id               INTEGER PRIMARY KEY,
    study_id                            INTEGER NOT NULL,
    source_id                           INTEGER NOT NULL,
    series_uid                          TEXT NOT NULL,
    modality                            TEXT,
    series_number                       TEXT,
    series_description                  TEXT,
    body_part_examined                  TEXT,
    series_date                         TEXT,
    series_time                         TEXT,
    number_of_series_related_instances  TEXT,
    lossy                               TEXT
) STRICT;

-- Copies that their source does not hold any more, kept for ninety days.
CREATE TABLE tombstone (
    observation_id                      INTEGER PRIMARY KEY,
    study_uid                           TEXT NOT NULL,
    source_id                           INTEGER NOT NULL,
    -- Days since 1970-01-01.
    gone_day                            INTEGER NOT NULL
) STRICT;
