-- What lookups need; made after the first rows are in. Neither they nor the names' trigrams are part of the content.
CREATE INDEX study_uid ON study (study_uid);
CREATE INDEX study_newest ON study (study_day DESC, study_clock DESC, study_uid);
CREATE INDEX observation_study ON observation (study_id);
CREATE INDEX observation_patient ON observation (patient_id);
CREATE INDEX observation_accession ON observation (accession_number);
CREATE INDEX observation_name ON observation (name_key);
CREATE INDEX observation_day ON observation (study_day);
CREATE INDEX observation_grouped_name ON observation (name_key) WHERE instr(name_key, '=') > 0;
CREATE INDEX observation_lossy ON observation (lossy) WHERE lossy IS NOT NULL;
CREATE INDEX series_study ON series_observation (study_id);
CREATE INDEX series_uid ON series_observation (series_uid);

-- Names by any three letters of them: each name once, under the smallest key of the observations that have it. Triggers keep
-- it so, in whatever order a patchset applies its rows.
CREATE VIRTUAL TABLE name_trigram USING fts5(name_key, content='', detail=none, columnsize=0, tokenize='trigram');
INSERT INTO name_trigram (rowid, name_key)
    SELECT min(observation_id) AS first, name_key FROM observation WHERE name_key IS NOT NULL
    GROUP BY name_key ORDER BY first;
INSERT INTO name_trigram (name_trigram) VALUES ('optimize');

CREATE TRIGGER name_entered AFTER INSERT ON observation
WHEN new.name_key IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM observation WHERE name_key = new.name_key AND observation_id < new.observation_id)
BEGIN
    INSERT INTO name_trigram (name_trigram, rowid, name_key)
        SELECT 'delete', observation_id, name_key FROM observation
        WHERE name_key = new.name_key AND observation_id > new.observation_id ORDER BY observation_id LIMIT 1;
    INSERT INTO name_trigram (rowid, name_key) VALUES (new.observation_id, new.name_key);
END;
CREATE TRIGGER name_left AFTER DELETE ON observation
WHEN old.name_key IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM observation WHERE name_key = old.name_key AND observation_id < old.observation_id)
BEGIN
    INSERT INTO name_trigram (name_trigram, rowid, name_key) VALUES ('delete', old.observation_id, old.name_key);
    INSERT INTO name_trigram (rowid, name_key)
        SELECT observation_id, name_key FROM observation WHERE name_key = old.name_key ORDER BY observation_id LIMIT 1;
END;
-- A name that changes leaves, and another one enters.
CREATE TRIGGER name_changed_from AFTER UPDATE OF name_key ON observation
WHEN old.name_key IS NOT NULL AND old.name_key IS NOT new.name_key AND NOT EXISTS (
    SELECT 1 FROM observation WHERE name_key = old.name_key AND observation_id < old.observation_id)
BEGIN
    INSERT INTO name_trigram (name_trigram, rowid, name_key) VALUES ('delete', old.observation_id, old.name_key);
    INSERT INTO name_trigram (rowid, name_key)
        SELECT observation_id, name_key FROM observation WHERE name_key = old.name_key ORDER BY observation_id LIMIT 1;
END;
CREATE TRIGGER name_changed_to AFTER UPDATE OF name_key ON observation
WHEN new.name_key IS NOT NULL AND old.name_key IS NOT new.name_key AND NOT EXISTS (
    SELECT 1 FROM observation WHERE name_key = new.name_key AND observation_id < new.observation_id)
BEGIN
    INSERT INTO name_trigram (name_trigram, rowid, name_key)
        SELECT 'delete', observation_id, name_key FROM observation
        WHERE name_key = new.name_key AND observation_id > new.observation_id ORDER BY observation_id LIMIT 1;
    INSERT INTO name_trigram (rowid, name_key) VALUES (new.observation_id, new.name_key);
END;
