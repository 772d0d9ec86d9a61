-- $1 id; NULL: all of them
SELECT id, name, description, max_concurrent_sources, timeout_seconds, retry_attempts, failure_strategy,
       minimum_success_threshold, deduplication_enabled, consolidation_strategy, spanning_policy, enterprise_mode,
       to_char(created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       to_char(updated AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
FROM spanner_config WHERE $1::int8 IS NULL OR id = $1 ORDER BY id
