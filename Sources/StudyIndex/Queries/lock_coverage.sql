-- One transaction at a time changes what is known of a source's days, until it ends. $1 source
SELECT pg_advisory_xact_lock(1667460944, $1::int4)
