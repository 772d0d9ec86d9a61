DELETE FROM source_lease WHERE id = $1 OR expires < clock_timestamp() - interval '1 hour'
