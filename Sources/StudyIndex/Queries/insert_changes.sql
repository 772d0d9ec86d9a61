INSERT INTO change (study_uid) SELECT study_uid FROM staged
