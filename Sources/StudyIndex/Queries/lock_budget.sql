SELECT 1 FROM budget WHERE source_id = $1 FOR UPDATE
