-- $1 source
SELECT name, value, evidence, extract(epoch FROM ledger_now() - learned_at)::float8 FROM source_capability
WHERE source_id = $1 ORDER BY name
