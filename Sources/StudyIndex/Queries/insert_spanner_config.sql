-- $1 name, $2 description, $3 sources at once, $4 seconds, $5 retries, $6 failure strategy, $7 its threshold, $8 whether copies
-- are joined, $9 how, $10 policy, $11 enterprise mode, $12 how many there may be
INSERT INTO spanner_config (
    name, description, max_concurrent_sources, timeout_seconds, retry_attempts, failure_strategy, minimum_success_threshold,
    deduplication_enabled, consolidation_strategy, spanning_policy, enterprise_mode)
SELECT $1, $2, $3::int8, $4::int8, $5::int8, $6, $7::int8, $8, $9, $10, $11
WHERE (SELECT count(*) FROM spanner_config) < $12
RETURNING id
