-- $1 to $11 as in insert_spanner_config, $12 id
UPDATE spanner_config
SET name = $1, description = $2, max_concurrent_sources = $3::int8, timeout_seconds = $4::int8, retry_attempts = $5::int8,
    failure_strategy = $6, minimum_success_threshold = $7::int8, deduplication_enabled = $8, consolidation_strategy = $9,
    spanning_policy = $10, enterprise_mode = $11, updated = ledger_now()
WHERE id = $12
