-- The index: what each source says of each study, and one consolidated row per study.
-- Searched texts have the C collation whatever the database's is: prefixes are ranges, and order is the same everywhere.

-- The distinct names of patients and referring physicians, folded: the indexes that searches of names need cost much, and
-- are written once for each name. Names that no observation has any more stay: they find nothing.
CREATE TABLE person_name (
    id                                  int8 PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    key                                 text COLLATE "C" NOT NULL,
    -- Words, sounds and pairs of ideographs (NameTerms.swift).
    terms                               tsvector NOT NULL,
    -- With the id: names that begin with something are read from this index alone.
    CONSTRAINT person_name_key UNIQUE (key) INCLUDE (id)
);
CREATE INDEX person_name_terms ON person_name USING gin (terms);
-- Infixes. Of three and more characters; Chinese, Japanese and Korean ones of two are found by `terms`.
CREATE INDEX person_name_trigrams ON person_name USING gin (key gin_trgm_ops);

-- The parts of the enterprise by which access is divided.
CREATE TABLE facility (
    id                  int4 PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name                text COLLATE "C" NOT NULL UNIQUE CHECK (name <> '')
);

-- Which copies of a source belong to a facility, from the configuration: the first rule that matches decides.
CREATE TABLE facility_rule (
    source_id           int4 NOT NULL REFERENCES source,
    position            int4 NOT NULL,
    facility_id         int4 NOT NULL REFERENCES facility,
    issuer              text COLLATE "C",
    patient_id_prefix   text COLLATE "C",
    accession_prefix    text COLLATE "C",
    CHECK (num_nonnulls(issuer, patient_id_prefix, accession_prefix) > 0),
    PRIMARY KEY (source_id, position)
);

-- The facility of one copy: no row, or NULL, where it belongs to none or that cannot be told. A rule that asks for what the
-- source did not return, or what lost characters, is neither true nor false, and ends the search: a copy that it might claim
-- is never given to a later rule. The reference is DICOM's FacilityRule. A table function, so that it is inlined.
CREATE FUNCTION facility_of(source int4, issuer text, patient_id text, accession_number text, lossy text[])
RETURNS TABLE (facility_id int4) LANGUAGE sql STABLE AS
$$
    SELECT CASE WHEN claims.truth THEN r.facility_id END
    FROM facility_rule r, LATERAL (SELECT
        (r.issuer IS NULL OR CASE WHEN 'issuer_of_patient_id' = ANY ($5) THEN NULL ELSE r.issuer = $2 END)
        AND (r.patient_id_prefix IS NULL
             OR CASE WHEN 'patient_id' = ANY ($5) THEN NULL ELSE starts_with($3, r.patient_id_prefix) END)
        AND (r.accession_prefix IS NULL
             OR CASE WHEN 'accession_number' = ANY ($5) THEN NULL ELSE starts_with($4, r.accession_prefix) END)
    ) AS claims (truth)
    WHERE r.source_id = $1 AND claims.truth IS NOT FALSE
    ORDER BY r.position LIMIT 1
$$;

CREATE TABLE observation (
    study_uid                           text COLLATE "C" NOT NULL CHECK (study_uid <> ''),
    source_id                           int4 NOT NULL REFERENCES source,
    -- As the source sent it: NULL was not returned, '' was returned empty. Columns of DICOM's AttributeDictionary.
    patient_id                          text COLLATE "C",
    issuer_of_patient_id                text COLLATE "C",
    patient_name                        text COLLATE "C",
    patient_birth_date                  text,
    patient_sex                         text COLLATE "C",
    study_date                          text,
    study_time                          text,
    accession_number                    text COLLATE "C",
    study_id                            text COLLATE "C",
    study_description                   text COLLATE "C",
    referring_physician_name            text COLLATE "C",
    modalities_in_study                 text,
    number_of_study_related_series      text,
    number_of_study_related_instances   text,
    instance_availability               text,
    retrieve_ae_title                   text,
    timezone_offset_from_utc            text,
    -- Normalised for matching and comparing; NULL where there is nothing to normalise.
    issuer                              text COLLATE "C" NOT NULL,
    -- The folded name; NULL where characters were lost.
    name_key                            text COLLATE "C",
    -- In person_name, NULL as above. No foreign keys: names are never deleted, and checking would lock one row of them for
    -- each that is written.
    name_id                             int8,
    physician_name_id                   int8,
    study_day                           date,
    study_clock                         int8,
    birth_day                           date,
    modalities                          text[],
    series_count                        int4,
    instance_count                      int4,
    -- Columns whose decoding lost characters.
    lossy                               text[],
    -- By the source's rules; NULL: unassigned, seen by callers without restriction only.
    facility_id                         int4 REFERENCES facility,
    -- SHA-256 of all that was sent: unchanged answers write nothing.
    content_hash                        bytea NOT NULL,
    first_seen                          timestamptz NOT NULL,
    changed_at                          timestamptz NOT NULL,
    -- Since when complete slices of its range have not shown it, on how many nights, and the last of them. Noted, not
    -- concluded: it has vanished when a UID query has confirmed it after a second night.
    missing_since                       timestamptz,
    missed_nights                       int4 NOT NULL DEFAULT 0,
    last_missed                         timestamptz,
    vanished_at                         timestamptz,
    CHECK (vanished_at IS NULL OR missed_nights >= 2),
    CHECK ((missing_since IS NULL) = (missed_nights = 0)),
    PRIMARY KEY (study_uid, source_id)
) WITH (fillfactor = 90);
-- What people ask for; few, because random-keyed indexes are what writing costs. Queries match observations, never the
-- consolidated row, which may join the values of two copies. An index entry ends at 2,704 bytes, and what a PACS sends
-- does not: the first 64 characters are indexed, and searches ask for those and for the whole.
CREATE INDEX observation_day ON observation (study_day, source_id);
CREATE INDEX observation_patient ON observation (left(patient_id, 64));
CREATE INDEX observation_accession ON observation (left(accession_number, 64));
CREATE INDEX observation_name ON observation (name_id);
CREATE INDEX observation_physician ON observation (physician_name_id);
-- A facility's newest studies; costs nothing where access is not divided.
CREATE INDEX observation_facility ON observation (facility_id, study_day DESC NULLS LAST) WHERE facility_id IS NOT NULL;
-- Rows that those do not find: damaged texts.
CREATE INDEX observation_lossy ON observation (study_uid) WHERE lossy IS NOT NULL;
CREATE INDEX observation_missing ON observation (source_id) WHERE missing_since IS NOT NULL;

-- Consolidated: patient group and every other attribute from the source of the best priority that returned it.
CREATE TABLE study (
    study_uid                           text COLLATE "C" PRIMARY KEY,
    patient_id                          text COLLATE "C",
    issuer_of_patient_id                text COLLATE "C",
    patient_name                        text COLLATE "C",
    patient_birth_date                  text,
    patient_sex                         text COLLATE "C",
    study_date                          text,
    study_time                          text,
    accession_number                    text COLLATE "C",
    study_id                            text COLLATE "C",
    study_description                   text COLLATE "C",
    referring_physician_name            text COLLATE "C",
    modalities_in_study                 text,
    number_of_study_related_series      text,
    number_of_study_related_instances   text,
    instance_availability               text,
    retrieve_ae_title                   text,
    timezone_offset_from_utc            text,
    issuer                              text COLLATE "C",
    name_key                            text COLLATE "C",
    study_day                           date,
    study_clock                         int8,
    birth_day                           date,
    modalities                          text[],
    series_count                        int4,
    instance_count                      int4,
    -- Who holds it, by priority; empty: no live copy, out of searches.
    source_ids                          int4[] NOT NULL DEFAULT '{}',
    -- For each attribute, in the dictionary's order, the source that it was taken from.
    provenance                          int4[],
    -- From the first to the last study date of its copies, where one of them has another than study_day.
    differing_days                      daterange
) WITH (fillfactor = 85);
-- The order of every answer: a list without keys reads its first page from here.
CREATE INDEX study_newest ON study (study_day DESC NULLS LAST, study_clock DESC NULLS LAST, study_uid);
-- Studies that a search by date finds elsewhere than their own date is.
CREATE INDEX study_differing_days ON study USING gist (differing_days) WHERE differing_days IS NOT NULL;

CREATE TABLE change (
    id                                  int8 GENERATED ALWAYS AS IDENTITY,
    xid                                 xid8 NOT NULL DEFAULT pg_current_xact_id(),
    study_uid                           text COLLATE "C" NOT NULL
);
CREATE INDEX ON change (xid);

-- A UID query that ended in Success without a match, while a study known to be there was found on the same association.
CREATE TABLE absence (
    study_uid                           text COLLATE "C" NOT NULL,
    source_id                           int4 NOT NULL REFERENCES source,
    confirmed_at                        timestamptz NOT NULL,
    PRIMARY KEY (study_uid, source_id)
);

-- Series, as each source shows them. A series row's study is not required to be indexed before it.
CREATE TABLE series_observation (
    series_uid                          text COLLATE "C" NOT NULL CHECK (series_uid <> ''),
    study_uid                           text COLLATE "C" NOT NULL CHECK (study_uid <> ''),
    source_id                           int4 NOT NULL REFERENCES source,
    modality                            text COLLATE "C",
    series_number                       text,
    series_description                  text COLLATE "C",
    body_part_examined                  text COLLATE "C",
    series_date                         text,
    series_time                         text,
    number_of_series_related_instances  text,
    instance_count                      int4,
    lossy                               text[],
    content_hash                        bytea NOT NULL,
    first_seen                          timestamptz NOT NULL,
    changed_at                          timestamptz NOT NULL,
    PRIMARY KEY (study_uid, series_uid, source_id)
) WITH (fillfactor = 90);
CREATE INDEX series_observation_uid ON series_observation (series_uid);

-- When a study's series were last asked for at a source.
CREATE TABLE series_sweep (
    study_uid                           text COLLATE "C" NOT NULL,
    source_id                           int4 NOT NULL REFERENCES source,
    verified_at                         timestamptz NOT NULL,
    series                              int4 NOT NULL CHECK (series >= 0),
    PRIMARY KEY (study_uid, source_id)
);

CREATE TABLE discrepancy (
    id                                  int8 PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    class                               text NOT NULL,
    severity                            text NOT NULL CHECK (severity IN ('critical', 'major', 'minor', 'cosmetic')),
    study_uid                           text COLLATE "C" NOT NULL,
    other_uid                           text,
    sources                             text[] NOT NULL,
    -- Frozen at detection: keyword, then source, then value.
    frozen                              jsonb NOT NULL,
    state                               text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'acknowledged', 'resolved')),
    first_seen                          timestamptz NOT NULL,
    last_seen                           timestamptz NOT NULL
);
CREATE UNIQUE INDEX discrepancy_once ON discrepancy (class, study_uid, coalesce(other_uid, ''));
