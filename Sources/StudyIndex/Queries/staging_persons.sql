-- Where what a reconciliation has found of persons waits, emptied by its commit: numbers are positions in what it read.
CREATE TEMP TABLE IF NOT EXISTS staged_identity (
    number int4, issuer text COLLATE "C", patient_id text COLLATE "C", patient_name text COLLATE "C",
    patient_birth_date text, patient_sex text COLLATE "C", person int4, id int8
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS staged_link (
    left_number int4, right_number int4, grade text, weight text, caution text, evidence text
) ON COMMIT DELETE ROWS;
-- One reconciliation writes at a time; readers are not kept waiting.
LOCK TABLE patient_identity IN SHARE ROW EXCLUSIVE MODE;
