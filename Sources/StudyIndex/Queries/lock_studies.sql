-- Rows that a later statement recomputes, in the order in which merges lock them. $1 Study UIDs
SELECT study_uid FROM study WHERE study_uid = ANY ($1::text[]) ORDER BY study_uid FOR UPDATE
