-- Where the next reading of the change feed begins: everything below is in this one. And whose feed it is: a database that
-- was restored has another history, or another timeline.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text,
       (SELECT system_identifier::text FROM pg_control_system())
           || '/' || (SELECT timeline_id::text FROM pg_control_checkpoint())
           || '/' || (SELECT oid::text FROM pg_database WHERE datname = current_database())
