-- Studies that have changed. $1 the horizon of the reading before
SELECT DISTINCT study_uid FROM change WHERE xid >= ($1::text)::xid8 ORDER BY study_uid
