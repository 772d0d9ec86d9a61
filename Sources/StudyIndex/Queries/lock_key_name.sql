-- One key of a name is made at a time. $1 name
SELECT pg_advisory_xact_lock(hashtextextended('api_key ' || $1, 0))
