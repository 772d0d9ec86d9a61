-- Persons: which patients of different issuers are possibly one human. Suggestions beside the observations, which stay as
-- the sources sent them; a reconciliation finds them anew.

-- What observations say of their patients; '': not known, or not known without loss. Whoever asks sees what they may see.
CREATE VIEW observed_patient WITH (security_invoker = true) AS
SELECT study_uid, source_id, facility_id, study_day, issuer,
       CASE WHEN 'patient_id' = ANY (lossy) THEN '' ELSE coalesce(patient_id, '') END AS patient_id,
       CASE WHEN 'patient_name' = ANY (lossy) THEN '' ELSE coalesce(patient_name, '') END AS patient_name,
       CASE WHEN 'patient_birth_date' = ANY (lossy) THEN '' ELSE coalesce(patient_birth_date, '') END
           AS patient_birth_date,
       CASE WHEN 'patient_sex' = ANY (lossy) THEN '' ELSE coalesce(patient_sex, '') END AS patient_sex
FROM observation
WHERE vanished_at IS NULL;

-- Each way in which an issuer's patient is named, once.
CREATE TABLE patient_identity (
    id                                  int8 PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    issuer                              text COLLATE "C" NOT NULL,
    patient_id                          text COLLATE "C" NOT NULL,
    patient_name                        text COLLATE "C" NOT NULL,
    patient_birth_date                  text NOT NULL,
    patient_sex                         text COLLATE "C" NOT NULL,
    -- The least id of those that probable links join with it; NULL: it stands alone.
    person_id                           int8
);
CREATE INDEX patient_identity_patient ON patient_identity (left(patient_id, 64));
CREATE INDEX patient_identity_person ON patient_identity (person_id) WHERE person_id IS NOT NULL;

CREATE TABLE person_link (
    left_id                             int8 NOT NULL REFERENCES patient_identity ON DELETE CASCADE,
    right_id                            int8 NOT NULL REFERENCES patient_identity ON DELETE CASCADE,
    -- `review`: for a person to decide.
    grade                               text NOT NULL CHECK (grade IN ('probable', 'review')),
    -- log2 of the odds that both are one human.
    weight                              float8 NOT NULL,
    -- Why it is for review whatever it weighs; ''.
    caution                             text NOT NULL CHECK (caution = '' OR grade = 'review'),
    -- What each comparison says, and what that weighs.
    evidence                            jsonb NOT NULL,
    PRIMARY KEY (left_id, right_id),
    CHECK (left_id < right_id)
);
CREATE INDEX person_link_right ON person_link (right_id);

-- Whose facilities are restricted sees the patients that a visible copy names, and links between two of those.
GRANT SELECT ON observed_patient, patient_identity, person_link TO concord_scoped;
ALTER TABLE patient_identity ENABLE ROW LEVEL SECURITY;
ALTER TABLE person_link ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON patient_identity FOR SELECT TO concord_scoped
    USING (EXISTS (SELECT 1 FROM observed_patient o
                   WHERE (o.issuer, o.patient_id, o.patient_name, o.patient_birth_date, o.patient_sex)
                       = (patient_identity.issuer, patient_identity.patient_id, patient_identity.patient_name,
                          patient_identity.patient_birth_date, patient_identity.patient_sex)));
CREATE POLICY visible ON person_link FOR SELECT TO concord_scoped
    USING (EXISTS (SELECT 1 FROM patient_identity i WHERE i.id = left_id)
           AND EXISTS (SELECT 1 FROM patient_identity i WHERE i.id = right_id));
